import { Args, Flags } from '@oclif/core'
import { megabytes } from '../../report/fact-lines.ts'
import type { DepositResult } from '../../workflows/deposit/deposit-recipe.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class DepositRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Write all of an image into a directory, for Zenodo and the like'
  static override description =
    'The locked image for docker and for Apptainer, everything a rebuild needs, bills of materials, the lockfile, an ' +
    'RO-Crate, CITATION.cff, metadata for Zenodo, checksums, and a README for those who have no stillroom. The same ' +
    'recipe and lockfile give the same bytes. Authors, licence and DOI are those of the recipe.'
  static override examples = [
    '<%= config.bin %> deposit recipe hello hello-deposit',
    '<%= config.bin %> deposit recipe fenics-tf deposit --no-sif',
  ]
  static override args = {
    name: RECIPE,
    directory: Args.string({
      description: 'the directory to write: empty, or not there yet',
      required: true,
    }),
  }
  static override flags = {
    sif: Flags.boolean({
      description: 'the image as a SIF, too',
      default: true,
      allowNo: true,
    }),
    statement: Flags.string({
      description: 'a statement that `verify recipe` wrote, to go along',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<DepositResult> {
    const { args, flags, session } = await this.open(DepositRecipe)
    const { depositRecipe } = await import('../../workflows/deposit/deposit-recipe.ts')
    const { statement, sif } = flags
    const result = await depositRecipe(session, args.name, args.directory, { statement, sif })
    this.log(`deposit   ${result.directory}`)
    this.log(`files     ${result.files.length}, ${megabytes(result.size)}`)
    this.log(`sha256    ${result.sha256} of SHA256SUMS`)
    this.log(`image ID  ${result.image}`)
    this.log(`check     cd ${result.directory} && sha256sum --check SHA256SUMS`)
    return result
  }
}
