import { Args, Flags } from '@oclif/core'
import type { LockDiff } from '../../lock/diff/schema.ts'
import { BaseCommand } from '../base-command.ts'
import { FAIL_ON, reaches } from '../fail-on.ts'

export default class DiffLock extends BaseCommand {
  static override summary = 'Say what changed between lockfiles, package by package'
  static override description =
    'Compares two lockfiles, or all lockfiles of two git revisions. By default: the commit where this branch left the ' +
    'default branch, and the working tree. Levels, least first: any, patch, minor, major, downgrade, source, rebuild; ' +
    'what was added, removed or moved to another commit counts as minor.'
  static override examples = [
    '<%= config.bin %> diff lock',
    '<%= config.bin %> diff lock main --recipe hello --format markdown',
    '<%= config.bin %> diff lock v1.0 v1.1 --fail-on downgrade',
    '<%= config.bin %> diff lock old/lock.json new/lock.json',
  ]
  static override args = {
    base: Args.string({ description: 'a lockfile or a git revision' }),
    head: Args.string({ description: 'a lockfile or a git revision; the working tree by default' }),
  }
  static override flags = {
    recipe: Flags.string({
      description: 'only this recipe (may be given again)',
      multiple: true,
      multipleNonGreedy: true,
    }),
    format: Flags.option({
      description: 'for people: on a terminal, or in a pull request',
      options: ['terminal', 'markdown'] as const,
      default: 'terminal',
    })(),
    'fail-on': FAIL_ON,
  }

  async run(): Promise<LockDiff> {
    const { args, flags, session } = await this.open(DiffLock)
    const { diffLock } = await import('../../workflows/lock/diff-lock.ts')
    const { base, head } = args
    const diff = await diffLock(session, { base, head, recipes: flags.recipe })
    if (!this.jsonEnabled()) process.stdout.write(await render(diff, flags.format))
    if (reaches(diff, flags['fail-on'])) process.exitCode = 1
    return diff
  }
}

async function render(diff: LockDiff, format: 'terminal' | 'markdown'): Promise<string> {
  if (format === 'terminal')
    return (await import('../../report/lock-diff-terminal.ts')).lockDiffTerminal(diff)
  return (await import('../../report/lock-diff-markdown.ts')).lockDiffMarkdown(diff)
}
