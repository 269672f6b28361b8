import { Args, Flags } from '@oclif/core'
import { type ImageDiffReport, imageDiffTable } from '../../report/image-diff-table.ts'
import { BaseCommand } from '../base-command.ts'

const IMAGE =
  'a name or ID of the engine, an archive of docker save, a SIF, an OCI image layout (of several images in one, FILE#NAME), or ' +
  'docker://REGISTRY/NAME'

export default class DiffImages extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Say by what two images differ, file by file, and why'
  static override description =
    'Reads both without running them. Names the cause of each difference and what to change in the recipe. ' +
    'A lockfile in place of the first stands for its image, by its locked tree: files without their contents. ' +
    'Exit code 1 when the images differ.'
  static override examples = [
    '<%= config.bin %> diff images stillroom/hello stillroom/hello:verify',
    '<%= config.bin %> diff images yesterday.tar today.tar --json',
    '<%= config.bin %> diff images recipes/hello/lock.json stillroom/hello',
  ]
  static override args = {
    a: Args.string({ description: `${IMAGE}, or a lockfile`, required: true }),
    b: Args.string({ description: IMAGE, required: true }),
  }

  static override flags = {
    platform: Flags.string({
      description: 'of images of several platforms, the one to read; linux/amd64 when not said',
      helpValue: 'OS/ARCH',
    }),
  }

  async run(): Promise<ImageDiffReport> {
    const { args, flags, session } = await this.open(DiffImages)
    const { diffImages } = await import('../../workflows/verify/diff-images.ts')
    const report = await diffImages(session, args.a, args.b, flags.platform)
    this.log(imageDiffTable(report).trimEnd())
    if (report.difference.verdict !== 'identical') process.exitCode = 1
    return report
  }
}
