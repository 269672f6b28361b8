import { type AndOr, parse, type Statement } from 'unbash'

/** A part of a script that is run after the one before it. */
export interface ShellStatement {
  text: string
  /** Offset in the script. */
  at: number
  /** Whether it is one program with its arguments, and nothing else. */
  isSimple: boolean
  /** Of a pipeline of programs, each as it is written. */
  pipeline: string[] | undefined
}

/** The commands that `&&` joins, also before `|| exit 1`: what fails there fails the script. */
function listOf(command: Statement['command']): AndOr['commands'] | undefined {
  if (command.type !== 'AndOr') return undefined
  const last = command.commands.at(-1)
  const isExit =
    last?.type === 'Command' && last.name?.text === 'exit' && /^[1-9]\d*$/.test(last.args[0]?.text ?? '')
  const operators =
    isExit && command.operators.at(-1) === '||' ? command.operators.slice(0, -1) : command.operators
  return operators.every((operator) => operator === '&&')
    ? command.commands.slice(0, operators.length + 1)
    : undefined
}

/**
 * Splits a script where `&&`, `;` and line breaks stand outside of everything else. What is in branches, loops, subshells,
 * or joined by `||` or `&`, is one statement.
 *
 * @returns undefined when it has to stay whole: it is no script, or a here-document belongs to several statements
 */
export function splitScript(script: string): ShellStatement[] | undefined {
  const parsed = parse(script)
  if (parsed.errors !== undefined && parsed.errors.length > 0) return undefined
  const statements: ShellStatement[] = []
  for (const { command, background, pos, end } of parsed.commands) {
    const parts = (background ? undefined : listOf(command)) ?? [{ ...command, pos, end }]
    for (const part of parts) {
      const text = script.slice(part.pos, part.end)
      const isPipeline = part.type === 'Pipeline' && part.prefixes.length === 0 && !background
      statements.push({
        text,
        at: part.pos,
        isSimple: part.type === 'Command' && !background,
        pipeline:
          isPipeline && part.commands.every(({ type }) => type === 'Command')
            ? part.commands.map((each) => script.slice(each.pos, each.end))
            : undefined,
      })
    }
  }
  // texts of here-documents stand behind the line that they belong to
  if (statements.length > 0 && /<<-?\s*["'\\]?\w/.test(script)) return undefined
  return statements
}
