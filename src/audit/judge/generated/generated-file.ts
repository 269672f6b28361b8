import type { Inode } from '../../../image/layer-entry.ts'
import type { RuleId } from '../../rules.ts'
import type { LockedContext } from '../judge-context.ts'

export interface GeneratedFile {
  path: string
  inode: Inode
  /** Its content as latin1; undefined when it is larger than what is kept. */
  text: string | undefined
}

/** Files that no package owns, since they are made when packages are installed. */
export interface GeneratedRule {
  match: RegExp
  /** The rule of an issue that the check finds; `file-modified` when left out. */
  rule?: RuleId
  /** Who makes them, and what for. */
  reason: string
  /**
   * What is wrong with a file that its maker would not have written so. Files without a check count only in layers of
   * the locked image.
   */
  check?: Check
  /** A check of all of it, for a file of a layer that the locked image does not have. */
  whole?: Check
  /** Whether no maintainer script may write it otherwise: dpkg and apt alone do, or it says who may log in. */
  isSealed?: boolean
}

type Check = (file: GeneratedFile, context: LockedContext) => string | undefined

export const TOO_LARGE = 'it is larger than such a file ever is'

/** The first line that does not pass, quoted; undefined when all do. */
export function firstWrong(text: string | undefined, passes: (line: string) => boolean): string | undefined {
  if (text === undefined) return TOO_LARGE
  const wrong = text.split('\n').find((line) => line !== '' && !passes(line))
  return wrong === undefined
    ? undefined
    : `no package or recipe gives it the line ${JSON.stringify(wrong.slice(0, 120))}`
}

/** What differs when a text must have just these lines, each once, in any order. */
export function linesProblem(text: string | undefined, expected: ReadonlySet<string>): string | undefined {
  if (text === undefined) return TOO_LARGE
  const lines = text.split('\n')
  if (lines.pop() !== '') return 'its last line has no end'
  const seen = new Set<string>()
  for (const line of lines) {
    if (!expected.has(line))
      return `no package or recipe gives it the line ${JSON.stringify(line.slice(0, 120))}`
    if (seen.has(line)) return `it has the line ${JSON.stringify(line.slice(0, 120))} twice`
    seen.add(line)
  }
  const missing = [...expected].find((line) => !seen.has(line))
  return missing === undefined ? undefined : `it lacks the line ${JSON.stringify(missing.slice(0, 120))}`
}
