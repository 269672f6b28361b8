import type { Instruction } from '../formats/dockerfile/read-dockerfile.ts'
import type { Position } from '../formats/dockerfile/source-text.ts'
import type { Variables } from '../formats/dockerfile/words.ts'
import { readScript, type ShellRedirect } from '../formats/shell/read-script.ts'

export interface Argument {
  /** As written. */
  text: string
  /** What the program gets; undefined when only running it tells. */
  value: string | undefined
  at: Position
}

/** A program that a RUN starts, whatever starts it: `sudo`, `env`, `sh -c`. */
export interface RunCommand {
  /** Without its directory: `pip3`; empty when it is not known. `python3 -m pip` is `pip`. */
  program: string
  /** As it was called, with its directory where there is one: `/opt/venv/bin/pip`. */
  path: string
  args: Argument[]
  redirects: ShellRedirect[]
  at: Position
  /** All of it, as written. */
  text: string
  /** Whose output it reads, the nearest last. */
  piped: RunCommand[]
  /** What `$(...)` and `<(...)` in its words run. */
  substitutes: RunCommand[]
}

export interface RunCommands {
  commands: RunCommand[]
  /** Why what it runs could not be read. */
  unread: { at: Position; reason: string } | undefined
}

/** The commands of a RUN, in both forms, in the order in which they are written. */
export function runCommands(
  instruction: Instruction,
  variables: Variables,
  shell: readonly string[],
): RunCommands {
  const { body, json, script, heredocs, at } = instruction
  if (json !== undefined) {
    const commands: RunCommand[] = []
    const words = json.map((word) => ({ text: word, value: word, at }))
    const unread = unwrap(
      words,
      { redirects: [], at, text: body.text, piped: [], substitutes: [] },
      commands,
      variables,
    )
    return { commands, unread }
  }
  if (!isShell(shell[0] ?? ''))
    return {
      commands: [],
      unread: { at, reason: `SHELL is ${shell[0] ?? 'empty'}, which is no POSIX shell` },
    }
  const [document] = heredocs
  if (document !== undefined && /^<<-?\s*(["']?)[^\s"']+\1$/.test(body.text)) {
    const [, interpreter] = /^#!\s*(\S+(?:\s+\S+)?)/.exec(document.content) ?? []
    if (interpreter !== undefined && !isShell(interpreter))
      return { commands: [], unread: { at, reason: `it is a program for ${interpreter}` } }
    const from = script.text.indexOf('\n') + 1
    return readCommands(script.text.slice(from, from + document.length), variables, (offset) =>
      script.positionAt(from + offset),
    )
  }
  return readCommands(script.text, variables, (offset) => script.positionAt(offset))
}

const isShell = (program: string) => /(^|[/\s])(ba|da|a|z|k)?sh$/.test(program)

/** The commands of a script, each at the place that an offset in it stands for. */
export function readCommands(
  text: string,
  variables: Variables,
  positionAt: (offset: number) => Position,
  depth = 0,
): RunCommands {
  const { commands: read, problem } = readScript(text, variables)
  const found: RunCommand[] = []
  const byNumber: RunCommand[][] = []
  let unread = problem && { at: positionAt(problem.at), reason: problem.message }
  const numbers = read.map(({ substitutes }) => substitutes)
  for (const [number, { words, redirects, at, end }] of read.entries()) {
    const own: RunCommand[] = []
    const outer = { redirects, at: positionAt(at), text: text.slice(at, end), piped: [], substitutes: [] }
    const args = words.map((word) => ({ text: word.text, value: word.value, at: positionAt(word.at) }))
    const inner = unwrap(args, outer, own, variables, depth)
    unread ??= inner
    byNumber[number] = own
    found.push(...own)
  }
  for (const [number, { pipedFrom }] of read.entries()) {
    const piped = pipedFrom.flatMap((from) => byNumber[from] ?? [])
    for (const command of byNumber[number] ?? []) {
      command.piped.push(...piped)
      command.substitutes.push(...(numbers[number] ?? []).flatMap((each) => byNumber[each] ?? []))
    }
  }
  return { commands: found, unread }
}

/** Programs that start another, with those of their options that have a value. */
const WRAPPERS: Record<string, RegExp> = {
  sudo: /^-[ugChpRTU]$|^--(user|group|host|prompt|chdir)$/,
  env: /^-[uCS]$|^--(unset|chdir)$/,
  nice: /^-n$/,
  ionice: /^-[cn]$/,
  timeout: /^-[ks]$/,
  exec: /^-a$/,
  xargs: /^-[EIdnPLsa]$/,
  command: /^$/,
  nohup: /^$/,
  time: /^-[fo]$/,
  eatmydata: /^$/,
  gosu: /^$/,
  fakeroot: /^$/,
  builtin: /^$/,
}
/** Words before the program that they start. */
const SKIPPED: Record<string, number> = { timeout: 1, gosu: 1 }

type Outer = Omit<RunCommand, 'program' | 'path' | 'args'>

function unwrap(
  words: Argument[],
  outer: Outer,
  found: RunCommand[],
  variables: Variables,
  depth = 0,
): RunCommands['unread'] {
  const [first, ...args] = words
  const program = (first?.value ?? '').replace(/^.*\//, '')
  const add = (name: string, rest: Argument[]) =>
    void found.push({
      ...outer,
      piped: [],
      substitutes: [],
      program: name,
      path: first?.value ?? '',
      args: rest,
    })
  if (depth > 8 || first === undefined) {
    add(program, args)
    return undefined
  }
  const valued = Object.hasOwn(WRAPPERS, program) ? WRAPPERS[program] : undefined
  if (valued !== undefined) {
    add(program, args)
    let at = 0
    while (at < args.length) {
      const word = args[at]?.value ?? ''
      if (valued.test(word)) at += 2
      else if (/^-./.test(word) || (/^\w+=/.test(word) && ['sudo', 'env'].includes(program))) at += 1
      else break
    }
    const rest = args.slice(at + (SKIPPED[program] ?? 0))
    if (program === 'xargs' && rest.length > 0)
      rest.push({ text: 'what xargs reads', value: undefined, at: outer.at })
    return rest.length > 0 ? unwrap(rest, outer, found, variables, depth + 1) : undefined
  }
  const script = scriptOf(program, args)
  if (script !== undefined) {
    add(program, args)
    if (script.value === undefined) return undefined
    const inner = readCommands(script.value, variables, () => script.at, depth + 1)
    found.push(...inner.commands)
    return inner.unread
  }
  // a shell that reads what to run from a here-document
  const fed =
    isShell(program) && args.every(({ value }) => /^([-+].*|pipefail)$/.test(value ?? ''))
      ? outer.redirects.find(({ operator, body }) => body !== undefined && operator.startsWith('<<'))?.body
      : undefined
  if (fed !== undefined) {
    add(program, args)
    const inner = readCommands(fed, variables, () => outer.at, depth + 1)
    found.push(...inner.commands)
    return inner.unread
  }
  if (/^python[\d.]*$/.test(program)) {
    const at = args.findIndex(({ value }) => value === '-m')
    const module = at === -1 ? undefined : args[at + 1]?.value
    if (module !== undefined && args.slice(0, at).every(({ value }) => /^-[a-zA-Z]+$/.test(value ?? ''))) {
      add(module, args.slice(at + 2))
      return undefined
    }
  }
  add(program, args)
  return undefined
}

/** The script that `sh -c`, `su -c` or `eval` runs. */
export function scriptOf(program: string, args: Argument[]): Argument | undefined {
  if (/^(ba|da|a|z|k)?sh$|^su$|^runuser$/.test(program)) {
    const at = args.findIndex(({ value }) => /^-[a-zA-Z]*c$/.test(value ?? '') || value === '--command')
    return at === -1 ? undefined : args[at + 1]
  }
  return program === 'eval' && args.length === 1 ? args[0] : undefined
}

/** All values of arguments; undefined when one is not known. */
export function valuesOf(args: readonly Argument[]): string[] | undefined {
  const values = args.map(({ value }) => value)
  return values.every((value) => value !== undefined) ? values : undefined
}

export interface ReadArguments {
  /** By their names without a value: `-r`, `--index-url`; a flag has no values. */
  options: Map<string, Argument[]>
  positional: Argument[]
}

/**
 * Splits arguments as getopt does.
 *
 * @param valued names of options whose value may be the next word
 */
export function readArguments(args: readonly Argument[], valued: ReadonlySet<string>): ReadArguments {
  const options = new Map<string, Argument[]>()
  const positional: Argument[] = []
  const add = (name: string, value?: Argument) => {
    const values = options.get(name) ?? []
    if (value !== undefined) values.push(value)
    options.set(name, values)
  }
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as Argument
    const word = arg.value ?? arg.text
    if (word === '--') {
      positional.push(...args.slice(at + 1))
      break
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=')
      if (equals !== -1) {
        const value = arg.value === undefined ? undefined : word.slice(equals + 1)
        add(word.slice(0, equals), { text: word.slice(equals + 1), value, at: arg.at })
      } else if (valued.has(word) && at + 1 < args.length) add(word, args[++at])
      else add(word)
    } else if (/^-[^-]/.test(word)) {
      for (let letter = 1; letter < word.length; letter++) {
        const name = `-${word[letter]}`
        if (!valued.has(name)) {
          add(name)
          continue
        }
        const rest = word.slice(letter + 1).replace(/^=/, '')
        if (rest !== '')
          add(name, { text: rest, value: arg.value === undefined ? undefined : rest, at: arg.at })
        else if (at + 1 < args.length) add(name, args[++at])
        break
      }
    } else positional.push(arg)
  }
  return { options, positional }
}
