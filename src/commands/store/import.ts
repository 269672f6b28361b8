import { Args, Flags } from '@oclif/core'
import type { ImportResult } from '../../workflows/store/import-archive.ts'
import { BaseCommand } from '../base-command.ts'

export default class StoreImport extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Fill the store from an archive'
  static override examples = ['<%= config.bin %> store import hello.tar']
  static override args = { file: Args.string({ description: 'the archive to read', required: true }) }
  static override flags = {
    sha256: Flags.string({ description: 'what the archive must have, in hex' }),
  }

  async run(): Promise<ImportResult> {
    const { args, flags, session } = await this.open(StoreImport)
    const { importArchive } = await import('../../workflows/store/import-archive.ts')
    const result = await importArchive(session, args.file, flags.sha256)
    const { added, present, bytes } = result.artifacts
    this.log(`recipe    ${result.recipe} for ${result.platform}`)
    this.log(`sha256    ${result.sha256}`)
    this.log(
      `artifacts ${added} added (${(bytes / 1e6).toFixed(1)} MB), ${present} were there${result.tree ? '; the locked tree' : ''}`,
    )
    this.log(`image ID  ${result.image ?? 'not recorded'}`)
    return result
  }
}
