import type { SourcesReport } from '../verify/forecast.ts'
import type { VerifyReport, VerifyVerdict } from '../verify/verify-report.ts'
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
  const { recipe, verdict, reference, image, variations, difference, problem, stages } = report
  const total = stages.reduce((sum, stage) => sum + stage.seconds, 0)
  const rows: [string, string][] = [
    ['recipe', recipe],
    ['verdict', VERDICTS[verdict]],
    ...(image ? [['image ID', image.id] as [string, string]] : []),
    ...(reference && reference.id !== image?.id
      ? [['expected', `${reference.id} (${reference.name ?? 'by the lockfile'})`] as [string, string]]
      : []),
    ...variations.map(({ variation, value }): [string, string] => ['varied', `${variation}: ${value}`]),
    [
      'time',
      `${total.toFixed(1)} s (${stages.map((stage) => `${stage.name} ${stage.seconds.toFixed(1)}`).join(', ')})`,
    ],
  ]
  const lines = rows.map(([name, value]) => `${name.padEnd(9)} ${value}`)
  if (problem)
    lines.push(`${problem.code}: ${problem.message}`, ...(problem.hint ? [`  hint: ${problem.hint}`] : []))
  if (difference) lines.push('', ...differenceLines(difference))
  return `${lines.join('\n')}\n`
}

/** How a recipe's sources fare, for a terminal. */
export function sourcesTable({ recipe, artifacts, live, elsewhere, stored, risks }: SourcesReport): string {
  const head = [
    `${recipe}: of ${artifacts} artifacts, ${live} are where they came from, ${elsewhere} elsewhere, ${stored} in the store`,
  ]
  const lines = risks.flatMap(({ kind, subject, message, advice }) => [
    `  ${kind}  ${subject}`,
    `    ${message}`,
    `    to do: ${advice}`,
  ])
  return `${[...head, ...(lines.length > 0 ? lines : ['  nothing is at risk'])].join('\n')}\n`
}
