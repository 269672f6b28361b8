import { Flags } from '@oclif/core'
import { compareLevels } from '../lock/diff/levels.ts'
import { DiffLevel, type LockDiff } from '../lock/diff/schema.ts'

/** How much may change in locks before the command fails. */
export const FAIL_ON = Flags.option({
  description: 'exit code 1 when something changed at this level or above',
  options: DiffLevel.options,
})()

/** Whether locks changed at a level of {@link FAIL_ON} or above. */
export function reaches({ level }: LockDiff, limit: DiffLevel | undefined): boolean {
  return limit !== undefined && level !== null && compareLevels(level, limit) >= 0
}
