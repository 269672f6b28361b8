import type { Position } from '../../formats/dockerfile/source-text.ts'
import { resolvePath } from '../copied-files.ts'
import { type RunCommand, readCommands } from '../run-commands.ts'
import type { StageInstruction } from '../stages.ts'

/** A RUN that is being read: where its shell stands, and what waits to become a run step. */
export interface Shell {
  cwd: string
  scope: Map<string, string | undefined>
  /** What the shell was told so far, for each run step that follows: `set`, assignments. */
  told: string[]
  waiting: string[]
  /** `cwd` and `told` as they were before what is waiting. */
  before: { cwd: string; told: string[] }
  at: Position
  each: StageInstruction
}

/** Linux's PATH_MAX. */
const LONGEST_PATH = 4096

/** What `cd`, `set`, limits and assignments tell the shell. */
export function tellShell(shell: Shell, text: string, command: RunCommand): 'yes' | 'no' | 'unknown' {
  const { program, args } = command
  if (program === '' && args.length === 0) {
    const set = /^\s*([A-Za-z_]\w*)=/.exec(text)?.[1]
    if (set === undefined) return 'no'
    const { value } = assigned(shell, text, set)
    if (/\$\(|`/.test(text)) {
      const { commands } = readCommands(text, shell.scope, () => shell.at)
      if (isMarks(commands)) {
        shell.scope.set(set, '')
        return 'yes'
      }
      if (!commands.every(isAsking)) return 'unknown'
      shell.scope.set(set, undefined)
    } else shell.scope.set(set, value)
    tell(shell, text)
    return 'yes'
  }
  if (program === 'export') {
    for (const { text: word } of args) {
      const name = /^([A-Za-z_]\w*)=/.exec(word)?.[1]
      if (name === undefined) continue
      if (/\$\(|`/.test(word)) return 'unknown'
      shell.scope.set(name, assigned(shell, word, name).value)
    }
    tell(shell, text)
    return 'yes'
  }
  if (program === 'set') {
    if (!args.every(({ value }) => /^[-+][eux]+$/.test(value ?? ''))) tell(shell, text)
    return 'yes'
  }
  if (/^(umask|ulimit|shopt)$/.test(program) && args.every(({ value }) => value !== undefined)) {
    tell(shell, text)
    return 'yes'
  }
  if (program !== 'cd') return 'no'
  const [to, ...more] = args
  if (to?.value === undefined || more.length > 0 || to.value.startsWith('-')) return 'unknown'
  const cwd = resolvePath(shell.cwd, to.value)
  if (cwd.length > LONGEST_PATH) return 'unknown'
  if (shell.waiting.length > 0) shell.waiting.push(text)
  shell.cwd = cwd
  return 'yes'
}

/** Programs that say something of the machine or of their words, at any time the same, and do nothing. */
const ASKING =
  /^(|nproc|dpkg|dpkg-architecture|uname|arch|getconf|lsb_release|basename|dirname|which|command|id|pwd|echo|printf|sed|awk|cut|tr|head|tail|grep|sort|expr|\[|test|exit|true|false|:|pkg-config|python3-config|llvm-config)$/

/** Whether a command only asks, and may be run before each step that needs what it says. */
export const isAsking = ({ program, args, redirects }: RunCommand): boolean =>
  ASKING.test(program) &&
  (program !== 'dpkg' || /^--print-/.test(args[0]?.value ?? '')) &&
  (program !== 'sed' || !args.some(({ value }) => /^-[a-z]*i|^--in-place/.test(value ?? '-i'))) &&
  redirects.every(
    ({ operator, target }) => !operator.includes('>') || /^(\d|\/dev\/null)$/.test(target?.value ?? ''),
  )

/** Programs with which images of Docker's library find out what may be purged after a build. */
const MARKING = /^(|apt-mark|\[|test|true|find|ldd|awk|sort|uniq|cut|grep|sed|tr|xargs|dpkg-query|dpkg)$/

/** Whether commands do nothing but read and set apt's marks of what was asked for. */
export const isMarks = (commands: readonly RunCommand[]): boolean =>
  commands.some(({ program }) => program === 'apt-mark') &&
  commands.every(({ program, args }) => MARKING.test(program) && !args.some(({ value }) => value === 'hold'))

function assigned({ scope }: Shell, text: string, name: string): { value: string | undefined } {
  const { commands } = readCommands(`${text}\n: "$${name}"`, scope, () => ({ line: 1, column: 1 }))
  return { value: commands.at(-1)?.args[0]?.value }
}

export function tell(shell: Shell, text: string): void {
  shell.told.push(text)
  if (shell.waiting.length > 0) shell.waiting.push(text)
}
