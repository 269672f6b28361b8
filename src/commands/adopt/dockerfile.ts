import { Args, Flags } from '@oclif/core'
import type { AdoptResult } from '../../workflows/adopt/adopt-dockerfile.ts'
import { BaseCommand } from '../base-command.ts'
import { BUILD_ARG, readBuildArgs } from '../build-args.ts'

export default class AdoptDockerfile extends BaseCommand {
  static override summary = 'Write the draft of a recipe for a Dockerfile'
  static override description =
    'What is known becomes a typed step, the rest run steps without network, in the same order. What a recipe cannot have is ' +
    'said on stderr, and is a comment in the recipe. Nothing is built or asked of the network. See docs/dockerfile.md.'
  static override examples = [
    '<%= config.bin %> adopt dockerfile ../old/Dockerfile solver',
    '<%= config.bin %> adopt dockerfile Dockerfile solver --suite bookworm --build-arg VERSION=1.2',
  ]
  static override args = {
    file: Args.string({ description: 'the Dockerfile', required: true }),
    name: Args.string({ description: "the recipe's name; that of the Dockerfile's directory when not said" }),
  }
  static override flags = {
    'build-arg': BUILD_ARG,
    suite: Flags.option({
      description: "a base of Debian's packages, whatever FROM says",
      options: ['bullseye', 'bookworm', 'trixie'] as const,
    })(),
    context: Flags.string({
      description: "the build context's directory; the Dockerfile's own when not said",
    }),
  }

  async run(): Promise<AdoptResult> {
    const { args, flags, session } = await this.open(AdoptDockerfile)
    const { adoptDockerfile } = await import('../../workflows/adopt/adopt-dockerfile.ts')
    const result = await adoptDockerfile(session, args.file, {
      name: args.name,
      buildArgs: readBuildArgs(flags['build-arg']),
      suite: flags.suite,
      context: flags.context,
    })
    const { adoptedTable, adoptNotes } = await import('../../report/adopted-table.ts')
    process.stderr.write(adoptNotes(args.file, result))
    this.log(adoptedTable(result))
    return result
  }
}
