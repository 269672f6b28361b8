import type { HistoryRun } from '../verify/history.ts'
import { fenceFor, plainMarkdown } from './markdown.ts'

/** What marks stillroom's issue, whatever people do with its title. */
export function driftMarker(recipe: string): string {
  return `<!-- stillroom:drift:${recipe} -->`
}

export const DRIFT_TITLE = (recipe: string) => `Recipe ${recipe} does not rebuild to its lockfile`

/** The text of the issue of a recipe that drifts: since when, why, what to do. */
export function driftIssue(last: HistoryRun, since: HistoryRun): string {
  const { recipe, verdict, image, reference, revision, causes, problem } = last
  const rows: [string, string | null][] = [
    ['verdict', verdict],
    ['since', since.at.slice(0, 10)],
    ['last seen', last.at.slice(0, 10)],
    ['image ID', image],
    ['expected', reference],
    ['commit', revision],
  ]
  const known = rows.filter((row): row is [string, string] => row[1] !== null)
  return [
    driftMarker(recipe),
    '| | |',
    '| --- | --- |',
    ...known.map(([name, value]) => `| ${name} | ${plainMarkdown(value)} |`),
    '',
    ...(problem ? ['**What went wrong**', '', fence(`${problem.code}: ${problem.message}`), ''] : []),
    ...(causes.length > 0 ? ['**Why it differs**', ''] : []),
    ...causes.flatMap(({ title, count, advice, examples }) => [
      `- **${plainMarkdown(title)}** (${count}): ${plainMarkdown(advice)}`,
      '',
      fence(examples.slice(0, 10).join('\n')),
    ]),
    '',
    `Look at it with \`stillroom verify recipe ${recipe} --keep\`. This issue closes itself when the recipe rebuilds.`,
    '',
  ].join('\n')
}

function fence(text: string): string {
  const clean = text.replace(/[^\P{Cc}\n]/gu, ' ').slice(0, 4000)
  const ticks = fenceFor(clean, 3)
  return `${ticks}text\n${clean}\n${ticks}`
}
