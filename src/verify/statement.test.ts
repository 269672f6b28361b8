import { expect, it } from 'vitest'
import { statementOf } from './statement.ts'
import type { VerifyReport } from './verify-report.ts'

const id = (digit: string) => `sha256:${digit.repeat(64)}`

const report: VerifyReport = {
  reportVersion: 1,
  recipe: 'hello',
  platform: 'linux/amd64',
  verdict: 'identical',
  lock: 'c'.repeat(64),
  reference: { kind: 'lock', id: id('a') },
  image: { reference: 'new', id: id('a'), diffIDs: [] },
  variations: [{ variation: 'clock', value: '124 days ahead' }],
  shared: null,
  difference: null,
  problem: null,
  stages: [],
}

it('statementOf() attests the image by its ID', () => {
  expect(statementOf(report)).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'stillroom/hello', digest: { sha256: 'a'.repeat(64) } }],
    predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
    predicate: {
      result: 'PASSED',
      configuration: [{ name: 'recipes/hello/lock.json', digest: { sha256: 'c'.repeat(64) } }],
      passedTests: ['rebuild hello clock=124 days ahead'],
      warnedTests: [],
      failedTests: [],
    },
  })
})

it.each([
  ['different', 'FAILED'],
  ['inconclusive', 'FAILED'],
  ['failed', 'FAILED'],
  ['equivalent', 'WARNED'],
] as const)('statementOf() of %s is %s, about the image that was to come out', (verdict, result) => {
  const statement = statementOf({ ...report, verdict, image: null })
  expect(statement?.predicate.result).toBe(result)
  expect(statement?.subject[0]?.digest.sha256).toBe('a'.repeat(64))
})

it('statementOf() says nothing about no image', () => {
  expect(statementOf({ ...report, verdict: 'failed', reference: null, image: null })).toBeNull()
})
