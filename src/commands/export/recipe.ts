import { Args, Flags } from '@oclif/core'
import { StillroomError } from '../../error.ts'
import { megabytes } from '../../report/fact-lines.ts'
import type { SifResult } from '../../workflows/export/export-sif.ts'
import type { Session } from '../../workflows/session.ts'
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
    '<%= config.bin %> export recipe hello --hpc cluster/',
  ]
  static override args = {
    name: RECIPE,
    file: Args.string({ description: 'the SIF to write; with --hpc there is none to name' }),
  }
  static override flags = {
    hpc: Flags.string({
      description:
        'write a directory for a cluster: the SIF, a script for each task, a SLURM job, and what to type',
      helpValue: 'DIR',
    }),
    definition: Flags.string({
      description:
        'write a definition file, too, for sites that build SIFs of the archive that `save recipe` writes',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<SifResult> {
    const { args, flags, session } = await this.open(ExportRecipe)
    const result = await exportAs(session, args.name, args.file, flags)
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

async function exportAs(
  session: Session,
  name: string,
  file: string | undefined,
  { hpc, definition }: { hpc: string | undefined; definition: string | undefined },
): Promise<SifResult> {
  if (file !== undefined && hpc === undefined) {
    const { exportSif } = await import('../../workflows/export/export-sif.ts')
    return exportSif(session, name, file, { definition })
  }
  if (file === undefined && hpc !== undefined) {
    const { exportHpc } = await import('../../workflows/export/export-hpc.ts')
    return exportHpc(session, name, hpc, { definition })
  }
  throw new StillroomError(
    'USAGE',
    'export recipe takes a file to write or --hpc and a directory, one of the two',
    {
      hint: `stillroom export recipe ${name} ${name}.sif, or stillroom export recipe ${name} --hpc ${name}-hpc`,
    },
  )
}
