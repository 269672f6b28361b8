import { Args, Flags } from '@oclif/core'
import type { AdoptedImage } from '../../workflows/adopt/adopt-image.ts'
import { BaseCommand } from '../base-command.ts'

export default class AdoptImage extends BaseCommand {
  static override usesCache = true
  static override summary = 'Write a recipe for an image by what is in it, build it, and compare'
  static override description =
    'Packages, clones and settings become a recipe; what none of them brings is carried in recipes/NAME/files, but no credentials. ' +
    'It is locked and built, and what differs is said, with the reason. The image is never run. See docs/adopt.md.'
  static override examples = [
    '<%= config.bin %> adopt image old.tar flow',
    '<%= config.bin %> adopt image old-flow:v1 flow --carry 200',
    '<%= config.bin %> adopt image docker://registry.example.org/team/flow:1 flow --base registry.example.org/ubuntu:24.04',
  ]
  static override args = {
    image: Args.string({
      description: 'an archive, an OCI layout, a name or ID of the engine, or docker://REGISTRY/NAME',
      required: true,
    }),
    name: Args.string({ description: "the recipe's name", required: true }),
  }
  static override flags = {
    base: Flags.string({
      description:
        'the image of a registry that it was made from; "auto" is the suite of Debian that it is of',
      default: 'auto',
      helpValue: 'REF|auto',
    }),
    carry: Flags.integer({
      description: 'how many megabytes of files of no package may be carried beside the recipe',
      default: 20,
      min: 0,
      max: 512,
      helpValue: 'MB',
    }),
    build: Flags.boolean({
      description: 'lock and build the recipe, and compare its image with the old one',
      default: true,
      allowNo: true,
    }),
  }

  async run(): Promise<AdoptedImage> {
    const { args, flags, session } = await this.open(AdoptImage)
    const { adoptImage } = await import('../../workflows/adopt/adopt-image.ts')
    const result = await adoptImage(session, args.image, args.name, {
      base: flags.base,
      carry: flags.carry * 1e6,
      build: flags.build,
    })
    const { adoptedImageTable } = await import('../../report/adopted-image-table.ts')
    this.log(adoptedImageTable(result))
    return result
  }
}
