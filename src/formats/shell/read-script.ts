import {
  type CommandNode,
  forEachChild,
  parse,
  type Redirection,
  type SyntaxNode,
  type Word,
  type WordPart,
} from 'unbash'

/** Variables that a script starts with; `undefined` is one whose value is not known. */
export type ShellVariables = ReadonlyMap<string, string | undefined>

export interface ShellWord {
  /** As written. */
  text: string
  /** What the program gets; undefined when only running it tells: a file pattern, a variable, the output of a command. */
  value: string | undefined
  /** Offset in the script. */
  at: number
}

export interface ShellRedirect {
  /** `>`, `>>`, `<`, `<<`, ... */
  operator: string
  target: ShellWord | undefined
  /** Text of a here-document or here-string, as written. */
  body: string | undefined
}

/** One program that a script runs, with its arguments. */
export interface ShellCommand {
  /** The program first; without assignments and redirections. Empty for an assignment alone. */
  words: ShellWord[]
  assignments: { name: string; value: string | undefined }[]
  redirects: ShellRedirect[]
  /** Half-open offsets in the script. */
  at: number
  end: number
  /** Numbers in the list of the commands whose output it reads: those before it in a pipe. */
  pipedFrom: number[]
  /** Numbers in the list of commands whose output is part of its words or read as a file: `$(...)`, `<(...)`. */
  substitutes: number[]
}

export interface ReadScript {
  /** All commands, in the order in which they are written: also those of branches, loops, functions and substitutions. */
  commands: ShellCommand[]
  /** Why it is no script that a shell would run. */
  problem: { message: string; at: number } | undefined
}

/** So many commands before one in a pipe are looked at. */
const MOST_PIPED = 20

/** Of more than so many characters nothing is read. */
const LONGEST = 1_000_000

/**
 * Reads a script for POSIX sh or bash without running it. Variables have the value that the script gives them on the way,
 * where it is plain; what branches and loops set is not known.
 */
export function readScript(script: string, variables: ShellVariables = new Map()): ReadScript {
  if (script.length > LONGEST) return { commands: [], problem: { message: 'it is too long', at: 0 } }
  const parsed = parse(script)
  const commands: ShellCommand[] = []
  const scope = new Map(variables)
  let problem: ReadScript['problem']

  const note = (errors: readonly { message: string; pos: number }[] | undefined) => {
    const [first] = errors ?? []
    if (first !== undefined) problem ??= { message: first.message, at: first.pos }
  }

  const visit = (node: SyntaxNode, isCertain: boolean, depth: number): number[] => {
    if (depth > 200) {
      problem ??= { message: 'it is nested too deeply', at: node.pos }
      return []
    }
    if (node.type === 'Command') return [addCommand(node, isCertain, depth)]
    if (node.type === 'Script' && 'errors' in node) note(node.errors)
    const within = isCertain && !UNCERTAIN.has(node.type)
    const found: number[] = []
    const before: number[] = []
    forEachChild(node, (child) => {
      const inner = visit(child, within, depth + 1)
      if (node.type === 'Pipeline') {
        for (const number of inner) commands[number]?.pipedFrom.push(...before.slice(-MOST_PIPED))
        before.push(...inner)
      }
      found.push(...inner)
    })
    return found
  }

  const addCommand = (node: Extract<CommandNode, { type: 'Command' }>, isCertain: boolean, depth: number) => {
    const number = commands.length
    const command: ShellCommand = {
      words: [],
      assignments: [],
      redirects: node.redirects.map((redirect) => readRedirect(redirect, scope)),
      at: node.pos,
      end: node.end,
      pipedFrom: [],
      substitutes: [],
    }
    commands.push(command)
    const nested: number[] = []
    forEachChild(node, (child) => void nested.push(...visit(child, false, depth + 1)))
    command.substitutes = nested
    if (node.name !== undefined) command.words.push(...wordsOf(node.name, scope))
    for (const part of node.prefix) {
      if (part.type !== 'Assignment' || part.value.type !== 'Word') continue
      command.assignments.push({
        name: part.name,
        value: part.append ? undefined : knownValue(part.value, scope),
      })
    }
    for (const arg of node.args) {
      if (arg.type === 'Word') command.words.push(...wordsOf(arg, scope))
      else {
        const value = arg.value.type === 'Word' ? knownValue(arg.value, scope) : undefined
        command.words.push({
          text: arg.text,
          value: value === undefined ? undefined : `${arg.name}=${value}`,
          at: arg.pos,
        })
      }
    }
    remember(command, node, isCertain)
    return number
  }

  const remember = (
    command: ShellCommand,
    node: Extract<CommandNode, { type: 'Command' }>,
    isCertain: boolean,
  ) => {
    const own = command.words.length === 0 ? command.assignments : []
    const declares = /^(export|readonly|declare|local|typeset)$/.test(command.words[0]?.value ?? '')
    const declared = declares
      ? node.args.flatMap((arg) =>
          arg.type === 'Assignment'
            ? [
                {
                  name: arg.name,
                  value: arg.value.type === 'Word' ? knownValue(arg.value, scope) : undefined,
                },
              ]
            : [],
        )
      : []
    for (const { name, value } of [...own, ...declared]) scope.set(name, isCertain ? value : undefined)
    if (command.words[0]?.value === 'read')
      for (const { value } of command.words.slice(1)) if (value) scope.set(value, undefined)
  }

  visit(parsed, true, 0)
  return { commands, problem }
}

/** What is in these may run never, often, or in another process. */
const UNCERTAIN = new Set([
  ...['If', 'Elif', 'For', 'ArithmeticFor', 'While', 'Select', 'Case', 'CaseItem', 'Function'],
  ...['Subshell', 'Coproc', 'Pipeline', 'CommandExpansion', 'ProcessSubstitution'],
])

function readRedirect(redirect: Redirection, scope: ShellVariables): ShellRedirect {
  if (redirect.type === 'HereDoc')
    return { operator: redirect.operator, target: undefined, body: redirect.body.text }
  const [target] = redirect.target === undefined ? [] : wordsOf(redirect.target, scope)
  const body = redirect.type === 'HereString' ? redirect.target?.text : undefined
  return { operator: redirect.operator, target, body }
}

/** A word as the program gets it: an expansion outside of quotes is split at white space. */
export function wordsOf(word: Word, variables: ShellVariables): ShellWord[] {
  const { text, pos: at } = word
  const value = knownValue(word, variables)
  const isSplit = word.parts?.some(({ type }) => type === 'SimpleExpansion' || type === 'ParameterExpansion')
  if (value === undefined || !isSplit) return [{ text, value, at }]
  // what a variable holds may be a file pattern, too
  if (/[*?[]/.test(value)) return [{ text, value: undefined, at }]
  return value
    .split(/[ \t\n]+/)
    .filter((part) => part !== '')
    .map((part) => ({ text, value: part, at }))
}

/** A word without quotes, with the values of its variables, not split; undefined when one is not known. */
export function knownValue(word: Word, variables: ShellVariables): string | undefined {
  if (word.parts === undefined) return word.text.startsWith('~') ? undefined : word.value
  return join(word.parts, variables)
}

function join(parts: readonly WordPart[], variables: ShellVariables): string | undefined {
  let found = ''
  for (const part of parts) {
    const value = partValue(part, variables)
    if (value === undefined) return undefined
    found += value
  }
  return found
}

function partValue(part: WordPart, variables: ShellVariables): string | undefined {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return part.value
    case 'DoubleQuoted':
      return join(part.parts, variables)
    case 'SimpleExpansion':
      return variables.get(part.text.slice(1))
    case 'ParameterExpansion': {
      const { parameter, operation, prefix, index } = part
      if (prefix !== undefined || index !== undefined) return undefined
      const isKnown = variables.has(parameter)
      const value = variables.get(parameter)
      if (operation === undefined) return value
      if (operation.type !== 'Default' || (isKnown && value === undefined)) return undefined
      const { operator, operand } = operation
      const isSet = operator.startsWith(':') ? (value ?? '') !== '' : value !== undefined
      if (operator.endsWith('+')) return isSet ? knownValue(operand, variables) : ''
      if (operator.endsWith('?')) return isSet ? value : undefined
      return isSet ? value : knownValue(operand, variables)
    }
    default:
      return undefined
  }
}
