import { describe, expect, test } from 'vitest'
import type { Finding } from './finding.ts'
import { applyPolicy } from './policy.ts'

const finding = (rule: string, subject: string): Finding => ({
  rule,
  subject,
  severity: 'error',
  message: 'x',
})
const FOUND = [
  finding('setuid', '/opt/a/b'),
  finding('setuid', '/usr/bin/c'),
  finding('credential', '/opt/a/b'),
]

describe('applyPolicy()', () => {
  test('ignores findings of the rule whose subject fits, with reason and day', () => {
    const exception = { rule: 'setuid', subject: '/opt/**', reason: 'ours', until: '2030-01-31' }
    const { findings, ignored } = applyPolicy(FOUND, [exception], '2030-01-31')
    expect(findings).toEqual([FOUND[1], FOUND[2]])
    expect(ignored).toEqual([{ ...FOUND[0], reason: 'ours', until: '2030-01-31' }])
  })

  test('ignores all findings of a rule when no subject is named', () => {
    const { findings, ignored } = applyPolicy(FOUND, [{ rule: 'setuid', reason: 'ours' }], '2030-01-31')
    expect(findings).toEqual([FOUND[2]])
    expect(ignored).toHaveLength(2)
  })

  test('lets findings count again when its day is over, and says so once', () => {
    const exception = { rule: 'setuid', reason: 'ours', until: '2030-01-30' }
    const { findings, ignored } = applyPolicy(FOUND, [exception], '2030-01-31')
    expect(ignored).toEqual([])
    expect(findings).toEqual([
      ...FOUND,
      expect.objectContaining({ rule: 'policy-expired', severity: 'warning' }),
    ])
  })

  test('says nothing of an exception that is over and would have ignored nothing', () => {
    const exception = { rule: 'byte-code', reason: 'ours', until: '2020-01-01' }
    expect(applyPolicy(FOUND, [exception], '2030-01-31')).toEqual({ findings: FOUND, ignored: [] })
  })
})
