import { Args } from '@oclif/core'
import type { ExportResult } from '../../../workflows/store/export-recipe.ts'
import { BaseCommand } from '../../base-command.ts'
import { RECIPE } from '../../shared-flags.ts'

export default class StoreExportRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Write everything a rebuild needs into one archive'
  static override description =
    'Recipe, lockfile, build context and every artifact, as a tar with a manifest; FILE.sha256 beside it. Unpacked, ' +
    'it builds with docker buildx and no network; `store import` fills the store of another machine from it.'
  static override examples = ['<%= config.bin %> store export recipe hello hello.tar']
  static override args = {
    name: RECIPE,
    file: Args.string({ description: 'the archive to write', required: true }),
  }

  async run(): Promise<ExportResult> {
    const { args, session } = await this.open(StoreExportRecipe)
    const { exportRecipe } = await import('../../../workflows/store/export-recipe.ts')
    const result = await exportRecipe(session, args.name, args.file)
    this.log(`archive   ${result.file}`)
    this.log(`sha256    ${result.sha256}`)
    this.log(
      `size      ${(result.size / 1e6).toFixed(1)} MB, ${result.artifacts} artifacts${result.tree ? ', the locked tree' : ''}`,
    )
    this.log(`image ID  ${result.image ?? 'not recorded yet: build the recipe first'}`)
    return result
  }
}
