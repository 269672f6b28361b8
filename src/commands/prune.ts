import { createInterface } from 'node:readline/promises'
import { Flags } from '@oclif/core'
import { StillroomError } from '../error.ts'
import { pruneTable } from '../report/prune-table.ts'
import type { PruneResult } from '../workflows/prune/prune.ts'
import { BaseCommand } from './base-command.ts'

export default class Prune extends BaseCommand {
  static override summary = 'Say what stillroom has on this machine, and remove what nothing needs'
  static override description =
    'What locks of this project need stays, what any lock needed in the last days, and what runs. A build that is the ' +
    'same afterwards needs no download. A build that runs meanwhile loses nothing. On a terminal it asks first.'
  static override examples = [
    '<%= config.bin %> prune --dry-run',
    '<%= config.bin %> prune --yes',
    '<%= config.bin %> prune --all --keep hello',
  ]
  static override flags = {
    all: Flags.boolean({
      description: 'remove what can be made or fetched again, too, but for recipes to keep',
      default: false,
    }),
    keep: Flags.string({
      description: 'a recipe that nothing is taken from',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    days: Flags.integer({
      description: 'how long what a lock elsewhere needed is kept',
      default: 30,
      min: 0,
    }),
    'dry-run': Flags.boolean({ description: 'remove nothing, only say what would be', default: false }),
    yes: Flags.boolean({ char: 'y', description: 'do not ask', default: false }),
  }

  async run(): Promise<PruneResult> {
    const { flags, session } = await this.open(Prune)
    const { prune } = await import('../workflows/prune/prune.ts')
    const options = { all: flags.all, keep: flags.keep ?? [], days: flags.days }
    let isShown = false
    const result = await prune(session, options, async (plan) => {
      if (flags['dry-run'] || plan.items.every(({ keptFor }) => keptFor !== null)) return false
      if (flags.yes) return true
      if (!process.stdin.isTTY || !process.stderr.isTTY)
        throw new StillroomError('USAGE', 'prune asks before it removes anything, and there is no terminal', {
          hint: 'see what it would remove: stillroom prune --dry-run; let it: stillroom prune --yes',
        })
      this.endProgress()
      process.stderr.write(pruneTable(plan))
      isShown = true
      return askYes(this.signal)
    })
    if (!isShown || result.removed) this.log(pruneTable(result).trimEnd())
    return result
  }
}

async function askYes(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('remove it? [y/N] ', { signal })).trim())
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    terminal.close()
  }
}
