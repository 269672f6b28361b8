import { Args, Flags } from '@oclif/core'
import { megabytes } from '../report/fact-lines.ts'
import type { LoadResult } from '../workflows/save/load-archive.ts'
import { BaseCommand } from './base-command.ts'

export default class Load extends BaseCommand {
  static override summary = 'Verify an archive of an image, and load it into the engine'
  static override description =
    'Reads what `save recipe` writes, whole or in parts, and archives of docker save and podman save: nothing is given to the engine before every byte of it is ' +
    'verified. Says of which recipe of the project the image is, and whether it is the one that its lockfile names. Exit ' +
    'code 1 when the lockfile names another.'
  static override examples = [
    '<%= config.bin %> load hello.tar',
    '<%= config.bin %> load fenics-tf.tar.001',
    '<%= config.bin %> load saved-by-podman.tar',
  ]
  static override args = {
    file: Args.string({ description: 'the archive, or the first of its parts', required: true }),
  }
  static override flags = {
    sha256: Flags.string({ description: 'what the archive must have, in hex' }),
  }

  async run(): Promise<LoadResult> {
    const { args, flags, session } = await this.open(Load)
    const { loadArchive } = await import('../workflows/save/load-archive.ts')
    const result = await loadArchive(session, args.file, flags.sha256)
    this.log(`archive   ${result.file}${result.parts > 1 ? `, joined of ${result.parts} parts` : ''}`)
    const ofOther = ': another program wrote it, so this sum says nothing; the image is verified'
    this.log(`sha256    ${result.sha256}${result.foreign ? ofOther : ''}`)
    this.log(`size      ${megabytes(result.size)}`)
    this.log(`image ID  ${result.image}`)
    this.log(`verdict   ${VERDICTS[result.verdict](result.recipe)}`)
    if (result.verdict === 'different') this.log(`expected  ${result.expected}`)
    this.log(`image     ${result.tag}`)
    if (result.verdict === 'different') process.exitCode = 1
    return result
  }
}

const VERDICTS: Record<LoadResult['verdict'], (recipe: string) => string> = {
  locked: (recipe) => `the image that the lockfile of recipe "${recipe}" names`,
  different: (recipe) => `DIFFERENT from the image that the lockfile of recipe "${recipe}" names`,
  unknown: (recipe) => `sound, but there is no lockfile of recipe "${recipe}" here that names an image`,
}
