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
  check?: (file: GeneratedFile, context: LockedContext) => string | undefined
  /** Files that say nothing and do nothing, such as logs: they count in every layer. */
  harmless?: boolean
}

export const TOO_LARGE = 'it is larger than such a file ever is'

/** The first line that does not pass, quoted; undefined when all do. */
export function firstWrong(text: string | undefined, passes: (line: string) => boolean): string | undefined {
  if (text === undefined) return TOO_LARGE
  const wrong = text.split('\n').find((line) => line !== '' && !passes(line))
  return wrong === undefined
    ? undefined
    : `no package or recipe gives it the line ${JSON.stringify(wrong.slice(0, 120))}`
}
