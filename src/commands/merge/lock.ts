import { Args } from '@oclif/core'
import type { MergeLockResult } from '../../workflows/lock/merge-lock.ts'
import { BaseCommand } from '../base-command.ts'

export default class MergeLock extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Merge two lockfiles by meaning: a merge driver of git'
  static override description =
    "OURS becomes the merge. Where two sides' changes have to do with each other a new lock is needed: then OURS stays " +
    'as it is, and the exit code is 1. `stillroom init` registers the driver.'
  static override examples = ["git config merge.stillroom-lock.driver 'stillroom merge lock %O %A %B'"]
  static override args = {
    base: Args.string({ description: 'lockfile that both sides began with; may be empty', required: true }),
    ours: Args.string({ description: 'lockfile that is merged into', required: true }),
    theirs: Args.string({ description: 'lockfile that is merged', required: true }),
  }

  async run(): Promise<MergeLockResult> {
    const { args } = await this.parse(MergeLock)
    const { mergeLock } = await import('../../workflows/lock/merge-lock.ts')
    const result = await mergeLock(args)
    if (result.outcome === 'merged') {
      this.log(`merged the lockfile of recipe "${result.recipe}"`)
      return result
    }
    process.exitCode = 1
    const reasons = result.conflicts.map(({ field, reason }) => `  ${field} ${reason}`)
    this.logToStderr(
      [
        `the lockfile of recipe "${result.recipe}" must be locked again: it cannot be merged:`,
        ...reasons,
        `merge recipe.ts first, then: stillroom lock recipe ${result.recipe}`,
        'what the other side upgraded is not in it: upgrade that again (--upgrade PACKAGE)',
      ].join('\n'),
    )
    return result
  }
}
