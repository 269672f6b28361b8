import { expect, test } from 'vitest'
import type { LockedPip, LockedPlatform, LockedStep } from '../../lock/schema.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { replacesEarlier } from './replaces-earlier.ts'

const { steps } = smallLock.platforms['linux/amd64'] as LockedPlatform
const index = steps.findIndex(({ kind }) => kind === 'pip')
const before = steps.slice(0, index + 1)
const [file] = (steps[index] as LockedStep as LockedPip).files

const distribution = (name: string, version: string) => {
  return {
    name,
    version,
    location: '/usr/lib/python3/dist-packages',
    isWheel: false,
    direct: null,
    addresses: [],
  }
}

test('of an earlier pip step: the two are to be one', () => {
  const { name = '', version = '' } = file ?? {}
  const error = replacesEarlier([distribution(name, version)], [], before)
  expect(error.code).toBe('PIP_REPLACES')
  expect(error.message).toContain(`  ${name} ${version} of pip-2 is taken away by pip-3`)
  expect(error.hint).toBe(
    "ask for one version in one step: put the requirements of pip-3 into pip-2; or set layout: 'flat' in the recipe",
  )
})

test("of Debian's packages: says which version goes, and where the other may be asked for", () => {
  const instead = { ...(file as LockedPip['files'][number]), name: 'sympy', version: '1.13.1' }
  const error = replacesEarlier([distribution('sympy', '1.13.3')], [instead], before)
  expect(error.message).toContain("  sympy 1.13.3 of the image's packages is replaced by 1.13.1 in pip-3")
  expect(error.hint).toMatch(
    /^ask for what goes with sympy==1\.13\.3, or correct in a run step before .*METADATA/,
  )
  expect(error.hint).not.toContain('put the requirements')
})
