import { satisfies } from '@renovatebot/pep440'
import { isPep440 } from '../versions/compare-pep440.ts'

/** Values of the variables that a marker may compare; those that are not known are missing. */
export type MarkerEnvironment = Readonly<Record<string, string>>

/**
 * Whether a marker holds (PEP 508).
 *
 * @param marker what stands after the semicolon of a requirement: `python_version < "3.12" and sys_platform == "linux"`
 * @returns undefined when that depends on a variable that is not known, or the marker can't be read
 */
export function evaluateMarker(marker: string, environment: MarkerEnvironment): boolean | undefined {
  const words = [...marker.matchAll(WORD)].map(([word]) => word)
  if (marker.replace(WORD, '').trim() !== '') return undefined
  const reader = new Reader(words, environment)
  const value = reader.or()
  return reader.isDone ? value : undefined
}

const STRING = `"[^"]*"|'[^']*'`
const WORD = new RegExp(`${STRING}|[()]|===|==|~=|!=|<=|>=|<|>|not\\s+in\\b|[A-Za-z_.]+`, 'g')
const OPERATOR = /^(===|==|~=|!=|<=|>=|<|>|in|not\s+in)$/

class Reader {
  #at = 0
  readonly #words: readonly string[]
  readonly #environment: MarkerEnvironment

  constructor(words: readonly string[], environment: MarkerEnvironment) {
    this.#words = words
    this.#environment = environment
  }

  get isDone(): boolean {
    return this.#at === this.#words.length
  }

  or(): boolean | undefined {
    let value = this.#and()
    while (this.#take('or')) {
      const other = this.#and()
      if (value === true || other === true) value = true
      else if (value === undefined || other === undefined) value = undefined
    }
    return value
  }

  #and(): boolean | undefined {
    let value = this.#comparison()
    while (this.#take('and')) {
      const other = this.#comparison()
      if (value === false || other === false) value = false
      else if (value === undefined || other === undefined) value = undefined
    }
    return value
  }

  #comparison(): boolean | undefined {
    if (this.#take('(')) {
      const value = this.or()
      return this.#take(')') ? value : this.#fail()
    }
    const [left, operator, right] = [this.#next(), this.#next(), this.#next()]
    if (left === undefined || operator === undefined || right === undefined || !OPERATOR.test(operator))
      return this.#fail()
    const [a, b] = [this.#value(left), this.#value(right)]
    return a === undefined || b === undefined ? undefined : compare(a, operator, b)
  }

  #value(word: string): string | undefined {
    if (/^["']/.test(word)) return word.slice(1, -1)
    // names of before PEP 508: `os.name`
    const name = word.replaceAll('.', '_')
    return Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined
  }

  #next(): string | undefined {
    return this.#words[this.#at++]
  }

  #take(word: string): boolean {
    if (this.#words[this.#at] !== word) return false
    this.#at += 1
    return true
  }

  /** Nothing more is read, so that the whole is not known. */
  #fail(): undefined {
    this.#at = this.#words.length + 1
    return undefined
  }
}

/** As versions where both are some, else as texts. */
function compare(a: string, operator: string, b: string): boolean | undefined {
  if (operator === 'in') return b.includes(a)
  if (operator.startsWith('not')) return !b.includes(a)
  if (operator !== '===' && isPep440(a) && isPep440(b.replace(/\.\*$/, '')))
    return satisfies(a, `${operator}${b}`, { prereleases: true })
  if (operator === '==' || operator === '===') return a === b
  if (operator === '!=') return a !== b
  // an order of texts that are no versions means nothing
  return undefined
}
