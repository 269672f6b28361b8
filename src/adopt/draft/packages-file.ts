import { aptCall } from '../check/check-apt.ts'
import { type RunCommand, readArguments } from '../run-commands.ts'
import { type Typed, typedApt } from './typed-packages.ts'

/**
 * Packages that apt installs by a file of the build context: `xargs -a FILE apt-get install`, `cat FILE | xargs ...`,
 * `apt-get install $(cat FILE)`, also behind `grep -v '^#'`.
 *
 * @param commands of one statement
 * @param textOf what a path of the image holds, when the build context has it
 */
export function packagesOfFile(
  commands: readonly RunCommand[],
  textOf: (path: string) => string | undefined,
): Typed {
  const [install, ...more] = commands.filter((command) => aptCall(command)?.verb === 'install')
  if (install === undefined || more.length > 0) return undefined
  const unknown = install.args.filter(({ value }) => value === undefined)
  const files = commands.flatMap((command) => (command === install ? [] : filesOf(command)))
  const [file, ...others] = files
  if (unknown.length !== 1 || file === undefined || others.length > 0) return undefined
  const names = textOf(file)
    ?.split('\n')
    .flatMap((line) => line.replace(/#.*/, '').split(/\s+/))
    .filter((name) => name !== '')
  if (names === undefined || names.length === 0) return undefined
  const args = install.args.flatMap((arg) =>
    arg === unknown[0] ? names.map((value) => ({ text: value, value, at: arg.at })) : [arg],
  )
  return typedApt({ ...install, args })
}

/** The files that a command reads names from; an unknown program reads two, which is one too many. */
function filesOf({ program, args, redirects }: RunCommand): (string | undefined)[] {
  const words = (valued: string[]) => readArguments(args, new Set(valued))
  const given = redirects.flatMap(({ operator, target }) => (operator === '<' ? [target?.value] : []))
  switch (program) {
    case 'cat':
      return [...given, ...words([]).positional.map(({ value }) => value)]
    case 'xargs': {
      const { options } = words(['-a', '--arg-file', '-n', '-P', '-L', '-d', '-I'])
      const from = [...(options.get('-a') ?? []), ...(options.get('--arg-file') ?? [])]
      return [...given, ...from.map(({ value }) => value)]
    }
    // one line after the other, in whatever order
    case 'tr':
    case 'sort':
    case 'uniq':
      return given
    // of a comment's sign it takes the lines away, which are left out anyway
    case 'grep':
    case 'sed': {
      const { options, positional } = words([])
      const [script, ...files] = positional
      const isOfComments = /#/.test(script?.value ?? '') && (program === 'sed' || options.has('-v'))
      return isOfComments ? [...given, ...files.map(({ value }) => value)] : [undefined, undefined]
    }
    default:
      return [undefined, undefined]
  }
}
