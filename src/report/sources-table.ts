import type { SourcesReport } from '../verify/source-risk.ts'

/** How a recipe's sources fare, for a terminal. */
export function sourcesTable({ recipe, artifacts, live, elsewhere, stored, risks }: SourcesReport): string {
  const head = [
    `${recipe}: of ${artifacts} artifacts, ${live} are where they came from, ${elsewhere} elsewhere, ${stored} in the store`,
  ]
  const lines = risks.flatMap(({ kind, subject, message, advice }) => [
    `  ${kind}  ${subject}`,
    `    ${message}`,
    `    what to do: ${advice}`,
  ])
  return `${[...head, ...(lines.length > 0 ? lines : ['  nothing is at risk'])].join('\n')}\n`
}
