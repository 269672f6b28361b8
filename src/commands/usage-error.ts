import type { Command } from '@oclif/core'
import { StillroomError } from '../error.ts'
import { nearestName } from '../recipe/nearest-name.ts'

/** What oclif found amiss in a command line. */
interface ParseError {
  message: string
  /** Arguments that are missing, or too many. */
  args?: readonly unknown[]
  /** Options that there are not. */
  flags?: readonly string[]
}

/** An error of oclif's parser in our own words, with the right form of the command or the option that was meant. */
export function usageError(error: ParseError, command: typeof Command): StillroomError {
  const usage = `stillroom ${usageOf(command)}`
  const form = `the form is: ${usage}; see also: stillroom ${words(command)} --help`
  const [flag] = error.flags ?? []
  if (flag !== undefined) {
    const near = nearestName(flag, optionsOf(command))
    const hint = near === undefined ? `see: stillroom ${words(command)} --help` : `did you mean ${near}?`
    return new StillroomError('USAGE', `there is no option ${flag}`, { hint })
  }
  const [argument] = error.args ?? []
  if (typeof argument === 'string')
    return new StillroomError('USAGE', `one argument too many: ${argument}`, { hint: form })
  if (isMissing(argument)) {
    const { name, description } = argument
    const what = description === undefined ? '' : `, ${description}`
    return new StillroomError('USAGE', `${name.toUpperCase()} is missing${what}`, { hint: form })
  }
  const message = error.message
    .replace(/\n?See more help with --help/, '')
    .replace(/^Parsing (\S+)\s+Expected/, '$1: expected')
  return new StillroomError('USAGE', message, { hint: form })
}

const isMissing = (argument: unknown): argument is { name: string; description?: string } =>
  typeof argument === 'object' && argument !== null && 'name' in argument

const words = ({ id }: typeof Command) => id.replaceAll(':', ' ')

function usageOf(command: typeof Command): string {
  if (typeof command.usage === 'string') return command.usage
  const names = Object.entries(command.args).map(([name, { required, multiple }]) => {
    const word = `${name.toUpperCase()}${multiple ? '...' : ''}`
    return required ? word : `[${word}]`
  })
  return [words(command), ...names].join(' ')
}

function optionsOf({ flags, baseFlags }: typeof Command): string[] {
  const all = Object.entries({ ...flags, ...baseFlags })
  const names = all.flatMap(([name, flag]) =>
    flag.type === 'boolean' && flag.allowNo ? [`--${name}`, `--no-${name}`] : [`--${name}`],
  )
  return [...names, '--json', '--help']
}
