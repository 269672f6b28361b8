import { structuredPatch } from 'diff'
import type { NamedCause } from './cause.ts'
import { distinctCauses, type Explanation, type TextDetail } from './explained-difference.ts'
import { onlyIn, printable } from './printable.ts'
import { TEXT_SHAPES } from './text-shapes.ts'

/** Lines of a diff that a report shows. */
const PATCH_LINES = 40

/** Explains what differs between two texts. */
export function explainText(a: string, b: string): Explanation {
  return { detail: diffOf(a, b), causes: textCauses(a, b) }
}

/**
 * Why two texts differ, by what makes them equal when it is masked: dates, random ids, the order of lines or of words.
 * When something is left over, `unknown` comes last.
 */
export function textCauses(a: string, b: string): NamedCause[] {
  const lines = onlyIn(a.split('\n'), b.split('\n'))
  if (lines.a.length === 0 && lines.b.length === 0) return [orderCause(a.split('\n'), b.split('\n'))]
  const words = { a: lines.a.map(sortedWords), b: lines.b.map(sortedWords) }
  if (words.a.join('\n') === words.b.join('\n') || sameSorted(words.a, words.b)) {
    return [{ cause: 'hash-order', evidence: 'the same words stand in another order on a line' }]
  }
  return maskedCauses(lines.a.join('\n'), lines.b.join('\n'))
}

function maskedCauses(a: string, b: string): NamedCause[] {
  const causes: NamedCause[] = []
  let [left, right] = [a, b]
  for (const { cause, what, pattern, quotable } of TEXT_SHAPES) {
    const found = onlyIn(left.match(pattern) ?? [], right.match(pattern) ?? [])
    const pair = [found.a[0], found.b[0]]
    if (pair[0] !== undefined && pair[1] !== undefined) {
      const quoted = quotable ? `: "${printable(pair[0], 60)}" and "${printable(pair[1], 60)}"` : ''
      causes.push({ cause, evidence: `${what} differs${quoted}` })
    }
    left = left.replaceAll(pattern, '\0')
    right = right.replaceAll(pattern, '\0')
    if (left === right) return distinctCauses(causes)
    if (sameSorted(left.split('\n'), right.split('\n')))
      return distinctCauses([
        ...causes,
        { cause: 'order', evidence: 'the same lines stand in another order' },
      ])
  }
  if (causes.length === 0) return []
  return distinctCauses([...causes, { cause: 'unknown', evidence: 'more differs than these explain' }])
}

function orderCause(a: readonly string[], b: readonly string[]): NamedCause {
  const byBytes = (lines: readonly string[]) => isSorted(lines, (x, y) => Number(x > y) - Number(x < y))
  const byLanguage = (lines: readonly string[]) => isSorted(lines, COLLATOR.compare)
  if ((byBytes(a) && byLanguage(b)) || (byBytes(b) && byLanguage(a)))
    return {
      cause: 'locale',
      evidence: 'the same lines are sorted by their bytes in one, and as in a language in the other',
    }
  return { cause: 'order', evidence: 'the same lines stand in another order' }
}

/** As dictionaries sort: case and punctuation count last. */
const COLLATOR = new Intl.Collator('en', { ignorePunctuation: true })

function isSorted(lines: readonly string[], compare: (a: string, b: string) => number): boolean {
  const kept = lines.filter((line) => line !== '')
  return kept.every((line, i) => i === 0 || compare(kept[i - 1] as string, line) <= 0)
}

function sortedWords(line: string): string {
  return (line.match(/[^\s,;:{}()[\]"']+/g) ?? []).sort().join(' ')
}

function sameSorted(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join('\n') === [...b].sort().join('\n')
}

function diffOf(a: string, b: string): TextDetail {
  const patch = structuredPatch('a', 'b', a, b, '', '', { context: 1, maxEditLength: 2000 })
  // too different for a diff: what each has alone
  const lines = patch?.hunks.flatMap(({ oldStart, newStart, lines }) => [
    `@@ -${oldStart} +${newStart} @@`,
    ...lines,
  ]) ?? [...onlyLines('-', a, b), ...onlyLines('+', b, a)]
  const shown = lines.slice(0, PATCH_LINES).map((line) => printable(line, 200))
  return { kind: 'text', patch: shown, omitted: lines.length - shown.length }
}

function onlyLines(sign: string, a: string, b: string): string[] {
  return onlyIn(a.split('\n'), b.split('\n')).a.map((line) => sign + line)
}
