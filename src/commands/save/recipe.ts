import { Args, Flags } from '@oclif/core'
import { megabytes } from '../../report/fact-lines.ts'
import { parseBytes } from '../../workflows/save/parse-bytes.ts'
import type { SaveResult } from '../../workflows/save/save-recipe.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class SaveRecipe extends BaseCommand {
  static override summary = 'Save the image of a recipe to an archive that is the same everywhere'
  static override description =
    'The archive holds the locked image as an OCI image layout that docker load reads, too. Its bytes follow from the ' +
    'image alone: its sha256 is the same on every machine and engine, and the lockfile names it. FILE.sha256 beside it is ' +
    'for sha256sum --check. `stillroom load FILE` verifies it and loads it into an engine; so do docker load, podman ' +
    'load, skopeo and ctr, without verifying as much.'
  static override examples = [
    '<%= config.bin %> save recipe hello hello.tar',
    '<%= config.bin %> save recipe fenics-tf fenics-tf.tar --split 500MB',
  ]
  static override args = {
    name: RECIPE,
    file: Args.string({ description: 'the archive to write', required: true }),
  }
  static override flags = {
    split: Flags.string({
      description: 'write FILE.001, FILE.002, ... of at most this size, such as 25MB or 2GiB',
      helpValue: 'SIZE',
    }),
  }

  async run(): Promise<SaveResult> {
    const { args, flags, session } = await this.open(SaveRecipe)
    const split = flags.split === undefined ? undefined : parseBytes('--split', flags.split)
    const { saveRecipe } = await import('../../workflows/save/save-recipe.ts')
    const result = await saveRecipe(session, args.name, args.file, { split })
    const { files } = result
    this.log(`archive   ${result.file}${files.length > 1 ? ` in ${files.length} parts` : ''}`)
    this.log(`sha256    ${result.sha256}`)
    this.log(`size      ${megabytes(result.size)}`)
    this.log(`image ID  ${result.image}`)
    if (split !== undefined)
      for (const { path, sha256, size } of files) this.log(`part      ${path}  ${sha256}  ${megabytes(size)}`)
    this.log(`check     sha256sum --check ${result.sums}`)
    if (result.noted)
      this.log(`lockfile  recipes/${result.recipe}/lock.json names the archive from now on: commit it`)
    return result
  }
}
