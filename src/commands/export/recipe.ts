import { Args, Flags } from '@oclif/core'
import { megabytes } from '../../report/fact-lines.ts'
import type { SifResult } from '../../workflows/export/export-sif.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class ExportRecipe extends BaseCommand {
  static override summary = 'Write the image of a recipe as a SIF, for Apptainer and Singularity'
  static override description =
    'The SIF has the files of the locked image, its environment, what it runs, and the tasks of the recipe as apps: ' +
    '`apptainer run FILE`, `apptainer run --app TASK FILE`. It takes neither root nor Apptainer to make it, and its sha256 ' +
    'is the same on every machine: the lockfile names it.'
  static override examples = [
    '<%= config.bin %> export recipe hello hello.sif',
    '<%= config.bin %> export recipe hello hello.sif --definition hello.def',
  ]
  static override args = {
    name: RECIPE,
    file: Args.string({ description: 'the SIF to write', required: true }),
  }
  static override flags = {
    definition: Flags.string({
      description:
        'write a definition file, too, for sites that build SIFs of the archive that `save recipe` writes',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<SifResult> {
    const { args, flags, session } = await this.open(ExportRecipe)
    const { exportSif } = await import('../../workflows/export/export-sif.ts')
    const result = await exportSif(session, args.name, args.file, { definition: flags.definition })
    this.log(`SIF       ${result.file}`)
    this.log(`sha256    ${result.sha256}`)
    this.log(`size      ${megabytes(result.size)}`)
    this.log(`image ID  ${result.image}`)
    if (result.tasks.length > 0) this.log(`tasks     ${result.tasks.join(', ')}`)
    if (result.definition !== null) this.log(`definition ${result.definition}`)
    if (result.noted)
      this.log(`lockfile  recipes/${result.recipe}/lock.json names the SIF from now on: commit it`)
    return result
  }
}
