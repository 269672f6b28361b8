import { StillroomError } from '../error.ts'
import { nearestName } from '../recipe/nearest-name.ts'

/**
 * A command line as oclif reads it: the words of a command first, then its options and arguments. Global options may stand
 * before the command; `help COMMAND` and `version` are `--help` and `--version`; `build hello` is `build recipe hello`, for
 * every command that has recipes.
 *
 * @param args what follows `stillroom`
 * @param commands as oclif names them: `build:recipe`
 * @throws {StillroomError} USAGE when there is no such command, with the nearest one
 * @example
 * ```ts
 * readCommandLine(['-C', 'docs', 'build', 'hello'], ['build:recipe']) // ['build', 'recipe', '-C', 'docs', 'hello']
 * ```
 */
export function readCommandLine(args: readonly string[], commands: readonly string[]): string[] {
  const { globals, rest } = takeGlobals(args)
  const [first, ...others] = rest
  if (first === undefined) return ['--help']
  if (first === 'help') {
    const words = others.filter((word) => !word.startsWith('-'))
    if (words.length === 0) return ['--help']
    return [...(knownWords(words, commands) ?? findCommand(words, commands)), '--help']
  }
  if (first === 'version') return ['--version']
  if (['--help', '-h', '--version'].includes(first)) return rest
  const command = knownWords(rest, commands)
  // a topic without one of its commands: oclif lists them
  if (command !== undefined && rest.length === command.length && !commands.includes(command.join(':')))
    return rest
  if (command !== undefined && commands.includes(command.join(':')))
    return [...command, ...globals, ...rest.slice(command.length)]
  const found = findCommand(rest, commands)
  const taken = found.filter((word, i) => rest[i] === word).length
  return [...found, ...globals, ...rest.slice(taken)]
}

/** Options that every command has, in front of it. */
function takeGlobals(args: readonly string[]): { globals: string[]; rest: string[] } {
  let taken = 0
  for (;;) {
    const word = args[taken] ?? ''
    if (word === '-C' || word === '--directory') {
      if (args[taken + 1] === undefined)
        throw new StillroomError('USAGE', `${word} needs a directory`, {
          hint: 'such as: stillroom -C docs/examples list recipes',
        })
      taken += 2
    } else if (word === '--json' || word.startsWith('--directory=') || /^-C./.test(word)) taken += 1
    else return { globals: args.slice(0, taken), rest: args.slice(taken) }
  }
}

/** The first words, as many as there are, that are a command or a topic; undefined when the first is neither. */
function knownWords(words: readonly string[], commands: readonly string[]): string[] | undefined {
  for (let count = words.length; count > 0; count--) {
    const id = words.slice(0, count).join(':')
    if (commands.some((command) => command === id || command.startsWith(`${id}:`)))
      return words.slice(0, count)
  }
  return undefined
}

/** The command that words begin with when `recipe` is put in where a name stands. */
function findCommand(words: readonly string[], commands: readonly string[]): string[] {
  const topic = knownWords(words, commands)
  if (topic === undefined) throw unknownCommand(words, commands)
  if (words.length === topic.length) return topic
  const below = wordsBelow(topic, commands)
  const next = words[topic.length] ?? ''
  if (next === '--help' || next === '-h') return topic
  // a name follows a mistyped word: `build recpe hello`
  const isMistyped = nearestName(next, below) !== undefined && isName(words[topic.length + 1])
  if (!below.includes('recipe') || isMistyped) throw unknownCommand(words, commands)
  return [...topic, 'recipe']
}

const isName = (word: string | undefined) => word !== undefined && !word.startsWith('-')

/** What may follow a topic. */
function wordsBelow(topic: readonly string[], commands: readonly string[]): string[] {
  const below = commands.filter((command) => command.startsWith(`${topic.join(':')}:`))
  return [...new Set(below.map((command) => command.split(':')[topic.length] ?? ''))]
}

function unknownCommand(words: readonly string[], commands: readonly string[]): StillroomError {
  const topic = knownWords(words, commands) ?? []
  const known = topic.length > 0 ? wordsBelow(topic, commands) : firstWords(commands)
  const wrong = words[topic.length] ?? ''
  const meant = nearestName(wrong, known)
  const whole = ['stillroom', ...topic].join(' ')
  const list = `commands: ${known
    .sort()
    .map((word) => `${whole} ${word}`)
    .join(', ')}`
  const right =
    meant === undefined
      ? inOrder(words.slice(topic.length), known)
      : [meant, ...words.slice(topic.length + 1)]
  const hint = right === undefined ? list : `did you mean: ${whole} ${right.join(' ')}`
  return new StillroomError('USAGE', `there is no command "${[...topic, wrong].join(' ')}"`, { hint })
}

/** `hello build`, `--no-cache build hello`: the same with the command first, when there is one among the words. */
function inOrder(words: readonly string[], known: readonly string[]): string[] | undefined {
  const at = words.findIndex((word) => known.includes(word))
  const command = words[at]
  return command === undefined ? undefined : [command, ...words.toSpliced(at, 1)]
}

const firstWords = (commands: readonly string[]) => [
  ...new Set(commands.map((command) => command.split(':')[0] ?? '')),
]
