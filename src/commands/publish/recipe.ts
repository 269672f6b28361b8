import { Args, Flags } from '@oclif/core'
import { megabytes, plural } from '../../report/fact-lines.ts'
import type { PublishResult } from '../../workflows/publish/publish-recipe.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class PublishRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Push the image of a recipe to a registry'
  static override description =
    'Pushes the locked image, and no other: the layers of the archive that save writes, so that the manifest has the same ' +
    'digest from every machine. The lockfile names it, and where it is, from then on. Attached to it are the ' +
    'lockfile, bills of materials (CycloneDX and SPDX), and the locked tree. What the registry has already is not sent again. ' +
    'It is logged in to as Docker is: `docker login REGISTRY`.'
  static override examples = [
    '<%= config.bin %> publish recipe hello registry.example.org/team/hello:1',
    '<%= config.bin %> publish recipe hello docker://127.0.0.1:5000/hello --key key.pem',
  ]
  static override args = {
    name: RECIPE,
    reference: Args.string({
      description: '[docker://]REGISTRY/NAME[:TAG]; the tag is "latest" when left out',
      required: true,
    }),
  }
  static override flags = {
    key: Flags.string({
      description: 'sign it, as cosign does, with this ECDSA P-256 key: PEM, not encrypted',
      helpValue: 'FILE',
    }),
    statement: Flags.string({
      description: 'attach this statement of verify recipe --statement, too',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<PublishResult> {
    const { args, flags, session } = await this.open(PublishRecipe)
    const { publishRecipe } = await import('../../workflows/publish/publish-recipe.ts')
    const { statement, key } = flags
    const result = await publishRecipe(session, args.name, args.reference, { statement, key })
    const { reference, manifest, sent } = result
    this.log(`published ${reference}`)
    this.log(`manifest  ${manifest}`)
    this.log(`image ID  ${result.image}`)
    this.log(
      `sent      ${sent.blobs === 0 ? 'nothing: the registry has all of it' : `${plural(sent.blobs, 'blob')}, ${megabytes(sent.bytes)}`}`,
    )
    this.log(`attached  ${result.attached.join(', ')}`)
    this.log(
      `signature ${result.signed ? 'by the key given: cosign verify --key PUBLIC-KEY checks it' : 'none: unsigned; --key FILE signs it'}`,
    )
    this.log(`pull      docker pull ${reference.replace(/:[^:/]+$/, '')}@${manifest}`)
    if (result.noted) this.log(`lockfile  recipes/${result.recipe}/lock.json names it from now on: commit it`)
    return result
  }
}
