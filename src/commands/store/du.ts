import type { StoreUsage } from '../../workflows/store/store-usage.ts'
import { BaseCommand } from '../base-command.ts'

export default class StoreDu extends BaseCommand {
  static override summary = 'Say what the store holds, and for which recipes; and what caches take'
  static override examples = ['<%= config.bin %> store du --json']

  async run(): Promise<StoreUsage> {
    const { session } = await this.open(StoreDu)
    const { storeUsage } = await import('../../workflows/store/store-usage.ts')
    const usage = await storeUsage(session)
    const row = (name: string, { entries, bytes }: { entries: number; bytes: number }, more = '') =>
      this.log(
        `${name.padEnd(24)} ${String(entries).padStart(6)} ${`${(bytes / 1e6).toFixed(1)} MB`.padStart(12)}${more}`,
      )
    this.log(usage.directory)
    for (const { recipe, lastUsed, ...need } of usage.recipes)
      row(recipe, need, lastUsed === null ? '' : `  last used ${lastUsed.slice(0, 10)}`)
    row('needed by no recipe', usage.unused)
    row('all', usage)
    row('cache of layers', usage.caches.layers)
    row('cache of clean audits', usage.caches.audits)
    row('cache of contents', usage.caches.contents)
    return usage
  }
}
