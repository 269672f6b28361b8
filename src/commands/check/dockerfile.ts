import { resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import type { DockerfileCheck } from '../../adopt/check/finding.ts'
import { DOCKERFILE_FORMATS } from '../../report/dockerfile-formats.ts'
import { BaseCommand } from '../base-command.ts'
import { BUILD_ARG, readBuildArgs } from '../build-args.ts'

export default class CheckDockerfile extends BaseCommand {
  static override summary = 'Say what in Dockerfiles will not be the same when they are built again'
  static override description =
    'Reads the text alone: nothing is run, and nothing is asked of the network. Exit code 1 with findings that are errors, ' +
    'or when something could not be read. Rules: docs/dockerfile-rules.md.'
  static override examples = [
    '<%= config.bin %> check dockerfile Dockerfile',
    '<%= config.bin %> check dockerfile docker/*/Dockerfile --context .',
    '<%= config.bin %> check dockerfile Dockerfile --format sarif --output dockerfile.sarif',
  ]
  static override strict = false
  static override args = {
    file: Args.string({ description: 'a Dockerfile; several may be named', required: true }),
  }
  static override flags = {
    context: Flags.string({
      description:
        "the build context's directory, for requirements files; the Dockerfile's own when not said",
    }),
    'build-arg': BUILD_ARG,
    format: Flags.option({
      description: 'for people, or for a code scanner',
      options: DOCKERFILE_FORMATS,
      default: 'text' as const,
    })(),
    output: Flags.string({ description: 'write it to this file instead of the terminal' }),
  }

  async run(): Promise<DockerfileCheck> {
    const { argv, flags } = await this.parse(CheckDockerfile)
    const { checkDockerfiles } = await import('../../workflows/adopt/check-dockerfiles.ts')
    const check = await checkDockerfiles(resolve(flags.directory), argv as string[], {
      context: flags.context,
      buildArgs: readBuildArgs(flags['build-arg']),
    })
    const { renderDockerfileCheck } = await import('../../report/dockerfile-formats.ts')
    const text = renderDockerfileCheck(check, flags.format)
    if (flags.output === undefined) this.log(text.trimEnd())
    else {
      const { writeFileAtomic } = await import('../../store/disk.ts')
      await writeFileAtomic(resolve(flags.directory, flags.output), text)
    }
    if (check.verdict !== 'clean') process.exitCode = 1
    return check
  }
}
