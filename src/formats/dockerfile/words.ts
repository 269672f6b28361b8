import type { SourceText } from './source-text.ts'

/** Variables by name; `undefined` is one whose value only a build knows. */
export type Variables = ReadonlyMap<string, string | undefined>

export interface DockerfileWord {
  /** As written. */
  text: string
  /** Without quotes, with its variables; undefined when one of them is not known. */
  value: string | undefined
  /** Offset in the text that it was split from. */
  at: number
}

/** Splits arguments at white space that is neither quoted nor escaped, as ENV, COPY and FROM have them, and expands each. */
export function splitWords(text: string, escaping: string, variables: Variables): DockerfileWord[] {
  const words: DockerfileWord[] = []
  let at = 0
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at += 1
      continue
    }
    const from = at
    let quote = ''
    for (; at < text.length; at++) {
      const char = text.charAt(at)
      if (char === escaping && quote !== "'") at += 1
      else if (quote !== '') quote = char === quote ? '' : quote
      else if (char === '"' || char === "'") quote = char
      else if (/\s/.test(char)) break
    }
    const word = text.slice(from, at)
    words.push({ text: word, value: expandWord(word, escaping, variables), at: from })
  }
  return words
}

/**
 * A here-document of COPY with its variables, as a shell has them; quotes are part of it.
 *
 * @returns undefined as {@link expandWord}
 */
export function expandDocument(text: string, variables: Variables): string | undefined {
  const parts = text.split(/(\\[\s\S]|["'])/)
  const values = parts.map((part, i) => {
    if (i % 2 === 0) return expandWord(part, '', variables)
    return part.startsWith('\\') ? part.slice(1) : part
  })
  return values.includes(undefined) ? undefined : values.join('')
}

/**
 * A word with its variables, `$x`, `${x}`, `${x:-word}` and `${x:+word}`, and without quotes (Dockerfile reference,
 * "Environment replacement"). A variable that nobody set is empty.
 *
 * @returns undefined when a variable's value is not known, or for any other form in braces
 */
export function expandWord(
  word: string,
  escaping: string,
  variables: Variables,
  depth = 0,
): string | undefined {
  if (depth > 8) return undefined
  let found = ''
  let quote = ''
  for (let at = 0; at < word.length; at++) {
    const char = word.charAt(at)
    if (char === escaping && quote !== "'") {
      const next = word.charAt(at + 1)
      // between double quotes it escapes only what would mean something there
      found += quote === '"' && !['"', '$', escaping].includes(next) ? char + next : next
      at += 1
    } else if (quote === '' ? char === '"' || char === "'" : char === quote) {
      quote = quote === '' ? char : ''
    } else if (char === '$' && quote !== "'") {
      const match = VARIABLE.exec(word.slice(at))
      if (match === null) {
        if (word.charAt(at + 1) === '{') return undefined
        found += char
        continue
      }
      const [all, bare, braced, operator, operand = ''] = match
      const value = variableValue(bare ?? braced ?? '', operator, operand, escaping, variables, depth)
      if (value === undefined) return undefined
      found += value
      at += all.length - 1
    } else found += char
  }
  return found
}

const VARIABLE = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])((?:[^{}]|\$\{[^{}]*\})*))?\})/

function variableValue(
  name: string,
  operator: string | undefined,
  operand: string,
  escaping: string,
  variables: Variables,
  depth: number,
): string | undefined {
  const isUnknown = variables.has(name) && variables.get(name) === undefined
  // an ARG that nobody gives a value is not set; PATH is that of the image
  if (isUnknown && (operator === undefined || name === 'PATH')) return undefined
  const value = variables.get(name)
  const isSet = operator?.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
  if (operator?.endsWith('+')) return isSet ? expandWord(operand, escaping, variables, depth + 1) : ''
  if (operator?.endsWith('-') && !isSet) return expandWord(operand, escaping, variables, depth + 1)
  return value ?? ''
}

/** What ENV, ARG and LABEL set: `name=value ...`, or the old `name value` of one. */
export function readPairs(
  body: SourceText,
  escaping: string,
  variables: Variables,
): { name: string; value: string | undefined; at: number }[] {
  const words = splitWords(body.text, escaping, variables)
  const [first] = words
  if (first === undefined) return []
  if (!first.text.includes('=')) {
    const rest = body.text.slice(first.at + first.text.length).trim()
    return [{ name: first.value ?? first.text, value: expandWord(rest, escaping, variables), at: first.at }]
  }
  return words.map(({ text, at }) => {
    const equals = text.indexOf('=')
    const name = expandWord(equals === -1 ? text : text.slice(0, equals), escaping, variables) ?? text
    return { name, value: equals === -1 ? '' : expandWord(text.slice(equals + 1), escaping, variables), at }
  })
}
