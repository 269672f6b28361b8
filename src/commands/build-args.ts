import { Flags } from '@oclif/core'
import { StillroomError } from '../error.ts'

/** As `docker build` takes them. */
export const BUILD_ARG = Flags.string({
  multiple: true,
  description: 'the value of an ARG, as for docker build',
  helpValue: 'NAME=VALUE',
})

/**
 * Values by name.
 *
 * @throws {StillroomError} USAGE for one without `=`
 */
export function readBuildArgs(words: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf('=')
      if (equals < 1)
        throw new StillroomError('USAGE', `--build-arg "${word}" has no value`, {
          hint: 'write it as --build-arg NAME=VALUE',
        })
      return [word.slice(0, equals), word.slice(equals + 1)]
    }),
  )
}
