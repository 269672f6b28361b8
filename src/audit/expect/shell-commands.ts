/** A command of a shell script: its words without quotes. Words keep variables that nothing says a value of: `$prio`. */
export type Command = readonly string[]

/** Stands for a `$` that the shell takes as it is. */
const DOLLAR = '\u0001'
/** Commands that one may become, by the values of its variables. */
const MOST = 64

interface Word {
  text: string
  /** Whether the shell splits it, once its variables have values. */
  isBare: boolean
}
type Line = Word[]
type Values = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Commands of a maintainer script, as far as they can be read without running it (POSIX shell): also those of branches that
 * are not taken. A variable stands for each value that the script gives it anywhere, by an assignment, a `for`, or a
 * default (`${x:-y}`); the parameters of a function for those of each call.
 */
export function commandsOf(script: string): readonly Command[] {
  let found = known.get(script)
  if (found === undefined) {
    if (known.size >= MOST_KNOWN) known.clear()
    found = readCommands(script)
    known.set(script, found)
  }
  return found
}

/** Scripts that were read: several rules ask for the same. */
const known = new Map<string, readonly Command[]>()
const MOST_KNOWN = 4000

function readCommands(script: string): Command[] {
  const { top, functions } = splitFunctions(linesOf(script))
  const values = readValues([...top, ...[...functions.values()].flat()])
  const called = new Set<string>()
  const found: Command[] = []
  const run = (lines: readonly Line[], parameters: readonly string[] | undefined, depth: number) => {
    for (const line of lines)
      for (const command of expand(line, values, parameters)) {
        found.push(command)
        const body = functions.get(command[0] ?? '')
        if (body === undefined || depth > 3 || found.length > 20_000) continue
        called.add(command[0] ?? '')
        run(body, command.slice(1), depth + 1)
      }
  }
  run(top, undefined, 0)
  for (const [name, body] of functions) if (!called.has(name)) run(body, undefined, 3)
  return found
}

const KEYWORDS = new Set([
  'if',
  'then',
  'else',
  'elif',
  'do',
  'while',
  'until',
  '!',
  '{',
  '}',
  'fi',
  'done',
  'esac',
  'exec',
  'eval',
])

/** Characters that mean nothing to the shell. */
const ORDINARY = /[\w./:,=+@%^~*?[\]!-]*[A-Za-z./:,=+@%^~*?[\]!_-]/y

/** Simple commands, a line each: without comments, redirections and the texts of here-documents. */
function linesOf(script: string): Line[] {
  const lines: Line[] = []
  let line: Line = []
  let word: Word | undefined
  let skips = false
  const pending: string[] = []
  const endWord = () => {
    if (word !== undefined && !skips) line.push(word)
    if (word !== undefined) skips = false
    word = undefined
  }
  const endLine = () => {
    endWord()
    skips = false
    if (line.length > 0) lines.push(line)
    line = []
  }
  const add = (text: string) => {
    word ??= { text: '', isBare: true }
    word.text += text
  }
  let at = 0
  while (at < script.length) {
    ORDINARY.lastIndex = at
    const [run] = ORDINARY.exec(script) ?? []
    if (run !== undefined) {
      add(run)
      at += run.length
      continue
    }
    const char = script.charAt(at)
    const rest = script.slice(at, at + 200)
    if (char === '\\') {
      if (script[at + 1] !== '\n') add(script[at + 1] === '$' ? DOLLAR : (script[at + 1] ?? ''))
      at += 2
    } else if (char === "'") {
      const end = script.indexOf("'", at + 1)
      const to = end === -1 ? script.length : end
      add(script.slice(at + 1, to).replaceAll('$', DOLLAR))
      if (word) word.isBare = false
      at = to + 1
    } else if (char === '"') {
      const [text, to] = quoted(script, at + 1)
      add(text)
      if (word) word.isBare = false
      at = to
    } else if (char === '`' || rest.startsWith('$(')) {
      add('$()')
      at = char === '`' ? closing(script, at + 1, '`') : balanced(script, at + 2)
    } else if (rest.startsWith('${')) {
      const to = script.indexOf('}', at)
      add(script.slice(at, to === -1 ? script.length : to + 1).replaceAll(/["']/g, ''))
      at = to === -1 ? script.length : to + 1
    } else if (char === '#' && word === undefined) {
      const to = script.indexOf('\n', at)
      at = to === -1 ? script.length : to
    } else if (char === '\n') {
      endLine()
      at += 1
      for (const delimiter of pending.splice(0)) at = afterDocument(script, at, delimiter)
    } else if (/^\d*<<[^<]/.test(rest) && word === undefined) {
      const [all, delimiter = ''] = /^\d*<<-?\s*["'\\]?([\w.]+)["']?/.exec(rest) ?? ['<<']
      if (delimiter !== '') pending.push(delimiter)
      at += all.length
    } else if (/^\d*[<>]/.test(rest) && (word === undefined || !/^\d/.test(char))) {
      endWord()
      const [all] = /^\d*(>>|>\||<>|[<>])(&[\d-])?/.exec(rest) ?? ['>']
      skips = !/&[\d-]$/.test(all)
      at += all.length
    } else if (/[;&|()]/.test(char)) {
      // a function's name stays with its parentheses
      if (rest.startsWith('()')) add('()')
      endLine()
      at += rest.startsWith('()') ? 2 : 1
    } else if (/\s/.test(char)) {
      endWord()
      at += 1
    } else {
      add(char)
      at += 1
    }
  }
  endLine()
  return lines
}

function quoted(script: string, from: number): [text: string, to: number] {
  let text = ''
  let at = from
  while (at < script.length && script[at] !== '"') {
    if (script[at] === '\\') {
      const next = script[at + 1] ?? ''
      text += next === '$' ? DOLLAR : next === '\n' ? '' : /["\\`]/.test(next) ? next : `\\${next}`
      at += 2
    } else if (script.startsWith('$(', at) || script[at] === '`') {
      text += '$()'
      at = script[at] === '`' ? closing(script, at + 1, '`') : balanced(script, at + 2)
    } else if (script.startsWith('${', at)) {
      const to = script.indexOf('}', at)
      const end = to === -1 ? script.length : to + 1
      text += script.slice(at, end)
      at = end
    } else {
      text += script[at]
      at += 1
    }
  }
  return [text, at + 1]
}

function closing(script: string, from: number, end: string): number {
  const to = script.indexOf(end, from)
  return to === -1 ? script.length : to + 1
}

function balanced(script: string, from: number): number {
  let depth = 1
  let at = from
  for (; at < script.length && depth > 0; at += 1) {
    if (script[at] === '(') depth += 1
    else if (script[at] === ')') depth -= 1
  }
  return at
}

function afterDocument(script: string, from: number, delimiter: string): number {
  let at = from
  while (at < script.length) {
    const end = script.indexOf('\n', at)
    const line = script.slice(at, end === -1 ? script.length : end)
    at = end === -1 ? script.length : end + 1
    if (line.trim() === delimiter) break
  }
  return at
}

/** Bodies of functions, `name() {` to the brace that ends it, apart from all else. */
function splitFunctions(lines: readonly Line[]): { top: Line[]; functions: Map<string, Line[]> } {
  const top: Line[] = []
  const functions = new Map<string, Line[]>()
  let body: Line[] | undefined
  let depth = 0
  let name: string | undefined
  for (const line of lines) {
    const [first = { text: '' }] = line
    if (body === undefined) {
      const [, started] = /^([\w-]+)\(\)$/.exec(first.text) ?? []
      if (started !== undefined) name = started
      else if (name !== undefined && first.text === '{') {
        body = line.length > 1 ? [line.slice(1)] : []
        depth = 1
        functions.set(name, body)
        name = undefined
      } else top.push(line)
      continue
    }
    if (first.text === '{') depth += 1
    if (first.text === '}') depth -= 1
    if (depth === 0) body = undefined
    else body.push(line)
  }
  return { top, functions }
}

const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s

/** The words of a command: without the keywords, patterns and assignments before it. */
function wordsOf(line: Line): Line {
  let at = 0
  while (at < line.length) {
    const { text } = line[at] as Word
    if (!KEYWORDS.has(text) && !ASSIGNMENT.test(text)) break
    at += 1
  }
  return line.slice(at)
}

const DECLARES = new Set(['local', 'export', 'readonly', 'declare', ':'])

/** Every value that a script gives a variable. */
function readValues(lines: readonly Line[]): Values {
  const found = new Map<string, Set<string>>([['DPKG_ROOT', new Set([''])]])
  const add = (name: string, value: string) => {
    if (name !== 'DPKG_ROOT') found.set(name, (found.get(name) ?? new Set()).add(value))
  }
  const loops: [name: string, items: Line][] = []
  for (const line of lines) {
    const words = line.map(({ text }) => text).filter((text) => !KEYWORDS.has(text))
    if (words[0] === 'for' && words[2] === 'in') {
      const at = line.findIndex(({ text }) => text === 'in')
      loops.push([words[1] ?? '', line.slice(at + 1)])
      continue
    }
    const declares = DECLARES.has(words[0] ?? '')
    for (const word of declares ? words.slice(1) : words) {
      const [, name, value = ''] = ASSIGNMENT.exec(word) ?? /^\$\{(\w+):=([^}]*)\}$/.exec(word) ?? []
      if (name !== undefined) add(name, value)
      else if (!declares) break
    }
  }
  // a loop goes through the words of a list, which the script may name before it or after it
  for (const [name, items] of loops)
    for (const { text, isBare } of items)
      for (const value of valuesOf(text, found, undefined, 0))
        for (const item of isBare ? value.split(/\s+/).filter((part) => part !== '') : [value])
          add(name, item.replaceAll(DOLLAR, '$'))
  return found
}

const NAMES = /\$\{?([A-Za-z_]\w*)/g
const VARIABLE = /\$(?:\{(\w+|[@*])(?::?([-+=?])([^}]*))?\}|(\w+|[@*]))/

/** The commands that a line may become. */
function expand(line: Line, values: Values, parameters: readonly string[] | undefined): Command[] {
  const words = wordsOf(line)
  if (words.length === 0) return []
  return bindings(words, values)
    .flatMap((bound) => expandBound(words, bound, parameters))
    .slice(0, MOST)
}

/** Values of which each variable that a line names has one alone: it is the same in all of the line's words. */
function bindings(words: Line, values: Values): Values[] {
  const names = new Set(words.flatMap(({ text }) => [...text.matchAll(NAMES)].map(([, name = '']) => name)))
  let found: Values[] = [values]
  for (const name of names) {
    const own = [...(values.get(name) ?? [])]
    if (own.length < 2) continue
    found = found
      .flatMap((bound) => own.map((value) => new Map([...bound, [name, new Set([value])]])))
      .slice(0, MOST)
  }
  return found
}

function expandBound(words: Line, values: Values, parameters: readonly string[] | undefined): Command[] {
  let found: string[][] = [[]]
  for (const { text, isBare } of words) {
    if (parameters !== undefined && /^\$(@|\{@\})$/.test(text)) {
      found = found.map((command) => [...command, ...parameters])
      continue
    }
    const options = valuesOf(text, values, parameters, 0).flatMap((value) =>
      isBare ? [value.split(/\s+/).filter((part) => part !== '')] : [[value]],
    )
    found = found.flatMap((command) => options.map((option) => [...command, ...option])).slice(0, MOST)
  }
  return found
    .map((words) => unwrapped(words.map((word) => word.replaceAll(DOLLAR, '$'))))
    .filter((command) => command.length > 0)
}

/** A command that another one runs: `chroot DIRECTORY`, `env`. */
function unwrapped(words: string[]): string[] {
  const skipped = { chroot: 2, env: 1, command: 1, nice: 1 }[words[0] ?? '']
  return skipped === undefined ? words : words.slice(skipped)
}

/** What a word may be; a variable without a value stays. */
function valuesOf(
  text: string,
  values: Values,
  parameters: readonly string[] | undefined,
  depth: number,
): string[] {
  const match = VARIABLE.exec(text)
  if (match === null || depth > 6) return [text]
  const [all, braced, operator, other = '', bare] = match
  const name = braced ?? bare ?? ''
  const before = text.slice(0, match.index)
  const rest = text.slice(match.index + all.length)
  const own = ownValues(name, values, parameters)
  const options = new Set<string>()
  if (operator === '+') {
    options.add('')
    if (own.length > 0) options.add(other)
  } else {
    for (const value of own) if (value !== all) options.add(value)
    if (operator === '-' || operator === '=') options.add(other)
  }
  // a value that is not known is its name, which is no plain word
  const isOpen = options.size === 0
  const heads = isOpen
    ? [`${DOLLAR}${name}`]
    : [...options].flatMap((value) => valuesOf(value, without(values, name), parameters, depth + 1))
  const tails = rest === '' ? [''] : valuesOf(rest, values, parameters, depth)
  return heads.flatMap((head) => tails.map((tail) => `${before}${head}${tail}`)).slice(0, MOST)
}

function ownValues(name: string, values: Values, parameters: readonly string[] | undefined): string[] {
  if (/^[@*]$/.test(name)) return parameters === undefined ? [] : [parameters.join(' ')]
  if (/^\d+$/.test(name)) {
    const value = parameters?.[Number(name) - 1]
    return value === undefined ? [] : [value]
  }
  return [...(values.get(name) ?? [])]
}

/** A variable that is made of itself (`X="$X y"`) has no value there. */
function without(values: Values, name: string): Values {
  const left = new Map(values)
  left.delete(name)
  return left
}
