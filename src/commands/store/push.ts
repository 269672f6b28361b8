import { Args, Flags } from '@oclif/core'
import { megabytes, plural } from '../../report/fact-lines.ts'
import type { PushStoreResult } from '../../workflows/store/push-store.ts'
import { BaseCommand } from '../base-command.ts'

export default class StorePush extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Push the artifacts of lockfiles to a registry'
  static override description =
    'Every file that the lockfiles name becomes a blob of the repository, by its digest; what the store lacks is fetched. ' +
    'A tag for each lock names them, such as hello-1a2b3c4d5e6f: the registry keeps them until that is removed. ' +
    'With that repository as "store" in the settings, builds fetch from it before all else.'
  static override examples = [
    '<%= config.bin %> store push registry.example.org/team/store',
    '<%= config.bin %> store push registry.example.org/team/store --recipe hello',
  ]
  static override args = {
    repository: Args.string({
      description: '[docker://]REGISTRY/NAME',
      required: true,
    }),
  }
  static override flags = {
    recipe: Flags.string({
      description: 'of this recipe alone; may be given several times',
      multiple: true,
      default: [],
    }),
  }

  async run(): Promise<PushStoreResult> {
    const { args, flags, session } = await this.open(StorePush)
    const { pushStore } = await import('../../workflows/store/push-store.ts')
    const result = await pushStore(session, args.repository, flags.recipe)
    const { sent } = result
    this.log(`store     ${result.store}`)
    for (const [recipe, tag] of Object.entries(result.tags))
      this.log(`recipe    ${recipe} has the tag ${tag}`)
    this.log(`files     ${result.files}, ${megabytes(result.bytes)}`)
    this.log(
      `sent      ${sent.files === 0 ? 'nothing: the registry has all of them' : `${plural(sent.files, 'file')}, ${megabytes(sent.bytes)}`}`,
    )
    return result
  }
}
