import type { LockDiff } from '../lock/diff/schema.ts'
import { lockDiffMarkdown } from './lock-diff-markdown.ts'
import { codeSpan } from './markdown.ts'

/** What marks stillroom's comment among all others. */
export const COMMENT_MARKER = '<!-- stillroom:lock-diff -->'
/** GitHub takes bodies of 65,536 characters. */
const LIMIT = 65_000
/** What is stale may take so many of them: the rest is for what the locks change. */
const STALE_LIMIT = 20_000
const REASONS = 8
const REASON_LENGTH = 300

/** What is wrong with a recipe's committed files, in words. */
export interface StaleRecipe {
  recipe: string
  /** One line each: fields of the recipe that the lock was not made from, files that differ, or an error. */
  reasons: string[]
  /** The command that fixes it. */
  mend: string
}

/** The comment on a pull request: what is stale, then what the locks change. */
export function pullRequestComment(diff: LockDiff, stale: readonly StaleRecipe[]): string {
  const head = [COMMENT_MARKER, '### stillroom', '', ...staleLines(stale)].join('\n')
  if (diff.recipes.length === 0) return `${head}No lockfile changes.\n`
  return `${head}${lockDiffMarkdown(diff, LIMIT - head.length)}`
}

/** Whether there is something to report where no comment is yet. */
export function isWorthReporting(diff: LockDiff, stale: readonly StaleRecipe[]): boolean {
  return diff.recipes.length > 0 || stale.length > 0
}

function staleLines(stale: readonly StaleRecipe[]): string[] {
  if (stale.length === 0) return []
  const shown: string[] = []
  let remaining = STALE_LIMIT
  for (const [index, recipe] of stale.entries()) {
    const text = staleText(recipe)
    remaining -= text.length
    if (remaining < 0) {
      shown.push(`- and ${stale.length - index} more recipes: the log of the job names them`)
      break
    }
    shown.push(text)
  }
  return ['**Not up to date**', '', ...shown, '', '']
}

function staleText({ recipe, reasons, mend }: StaleRecipe): string {
  return [
    `- ${codeSpan(recipe)}: run ${codeSpan(mend)}`,
    ...reasons.slice(0, REASONS).map((reason) => `  - ${codeSpan(shorten(reason))}`),
    ...(reasons.length > REASONS ? [`  - and ${reasons.length - REASONS} more`] : []),
  ].join('\n')
}

function shorten(reason: string): string {
  return reason.length <= REASON_LENGTH ? reason : `${reason.slice(0, REASON_LENGTH)}... (shortened)`
}
