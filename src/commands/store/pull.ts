import { Args, Flags } from '@oclif/core'
import { megabytes } from '../../report/fact-lines.ts'
import type { PullStoreResult } from '../../workflows/store/pull-store.ts'
import { BaseCommand } from '../base-command.ts'

export default class StorePull extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Fill the store from a registry'
  static override description =
    'Fetches what store push left there, of all recipes or of those named, each file verified by its digest.'
  static override examples = ['<%= config.bin %> store pull registry.example.org/team/store']
  static override args = {
    repository: Args.string({
      description: '[docker://]REGISTRY/NAME',
      required: true,
    }),
  }

  static override flags = {
    recipe: Flags.string({
      description: 'what the locks of this recipe need; may be given several times',
      multiple: true,
      default: [],
    }),
  }

  async run(): Promise<PullStoreResult> {
    const { args, flags, session } = await this.open(StorePull)
    const { pullStore } = await import('../../workflows/store/pull-store.ts')
    const result = await pullStore(session, args.repository, flags.recipe)
    this.log(`store     ${result.store}`)
    this.log(`tags      ${result.tags.join(', ')}`)
    this.log(`files     ${result.files}, ${megabytes(result.bytes)}; ${result.trees} of them locked trees`)
    this.log(`fetched   ${result.fetched}; the store had the others`)
    return result
  }
}
