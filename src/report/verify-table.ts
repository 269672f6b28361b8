import type { Comparison, SourcesReport } from '../verify/forecast.ts'
import type { SharedSteps } from '../verify/rebuilt-steps.ts'
import type { VerifyReport, VerifyVerdict } from '../verify/verify-report.ts'
import { describeTime, factLines } from './fact-lines.ts'
import { differenceLines } from './image-diff-table.ts'

const VERDICTS: Record<VerifyVerdict, string> = {
  identical: 'identical: rebuilt to the same byte',
  equivalent: 'equivalent: the same files, packaged in another way',
  different: 'DIFFERENT from what the lockfile gave before',
  inconclusive: 'INCONCLUSIVE: built, but the images could not be compared',
  failed: 'FAILED: not built',
}

/** What the verification of one recipe ended with, for a terminal. */
export function verifyTable(report: VerifyReport): string {
  const { recipe, verdict, reference, image, variations, shared, difference, problem, stages } = report
  const other = reference && reference.id !== image?.id
  const lines = factLines([
    ['recipe', recipe],
    ['verdict', VERDICTS[verdict]],
    ['image ID', image?.id],
    ['expected', other ? `${reference.id} (${reference.name ?? 'by the lockfile'})` : undefined],
    ...variations.map(({ variation, value }) => ['varied', `${variation}: ${value}`] as const),
    [
      'shared',
      shared ? `${describeShared(shared)}: rebuilt just now for recipe ${shared.recipe}` : undefined,
    ],
    ['time', describeTime(stages)],
  ])
  if (problem)
    lines.push(`${problem.code}: ${problem.message}`, ...(problem.hint ? [`  hint: ${problem.hint}`] : []))
  if (difference) lines.push('', ...differenceLines(difference))
  return `${lines.join('\n')}\n`
}

const describeShared = ({ steps }: SharedSteps) =>
  steps === 0 ? 'base' : `base and ${steps === 1 ? 'first step' : `first ${steps} steps`}`

const COMPARED: Record<Comparison, string> = {
  stated: 'compared by the sha256 that its server states',
  hashed: 'downloaded and hashed',
  size: 'compared by its size alone; --bytes downloads and hashes it',
}

/** How a recipe's sources fare, for a terminal. */
export function sourcesTable(report: SourcesReport): string {
  const { recipe, artifacts, live, elsewhere, stored, files = [], excluded = [], risks } = report
  const head = [
    `${recipe}: of ${artifacts} artifacts, ${live} are where they came from, ${elsewhere} elsewhere, ${stored} in the store`,
    ...files.map(({ subject, compared }) => `  ${subject}: ${COMPARED[compared]}`),
  ]
  const lines = risks.flatMap(({ kind, subject, message, advice }) => [
    `  ${kind}  ${subject}`,
    `    ${message}`,
    `    to do: ${advice}`,
  ])
  const body = [...(lines.length > 0 ? lines : ['  nothing is at risk']), ...excludedLine(excluded)]
  return `${[...head, ...body].join('\n')}\n`
}

/** Newer versions that are not advised, at most one line of them. */
function excludedLine(excluded: NonNullable<SourcesReport['excluded']>): string[] {
  if (excluded.length === 0) return []
  const shown = excluded.slice(0, 4).map(({ subject, newest, reason }) => `${subject} ${newest} (${reason})`)
  const more = excluded.length > shown.length ? `, and ${excluded.length - shown.length} more` : ''
  return [`  newer, but ruled out: ${shown.join(', ')}${more}`]
}
