import { Flags } from '@oclif/core'
import type { StoreCleaning } from '../../workflows/store/store-usage.ts'
import { BaseCommand } from '../base-command.ts'

export default class StoreGc extends BaseCommand {
  static override summary = 'Remove what no lock needs'
  static override description =
    'Kept is what a lock of this project needs, what any lock needed in the last days, and what came in today.'
  static override examples = ['<%= config.bin %> store gc --dry-run']
  static override flags = {
    days: Flags.integer({
      description: 'how long what a lock elsewhere needed is kept',
      default: 30,
      min: 0,
    }),
    'dry-run': Flags.boolean({ description: 'remove nothing, only say what would be', default: false }),
  }

  async run(): Promise<StoreCleaning> {
    const { flags, session } = await this.open(StoreGc)
    const { cleanStore } = await import('../../workflows/store/store-usage.ts')
    const result = await cleanStore(session, { days: flags.days, dryRun: flags['dry-run'] })
    const { removed, kept } = result
    const verb = result.dryRun ? 'would remove' : 'removed'
    this.log(`${verb} ${removed.entries} entries, ${(removed.bytes / 1e6).toFixed(1)} MB`)
    this.log(`kept ${kept.entries} entries, ${(kept.bytes / 1e6).toFixed(1)} MB`)
    for (const [name, cache] of Object.entries(result.caches))
      this.log(
        `${verb} ${cache.removed.entries} entries of the cache of ${name}, ${(cache.removed.bytes / 1e6).toFixed(1)} MB`,
      )
    return result
  }
}
