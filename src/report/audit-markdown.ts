import type { AuditResult } from '../audit/audit-report.ts'
import type { Finding } from '../audit/finding.ts'
import { countChanges, explained } from './audit-table.ts'
import { codeCell, plainMarkdown } from './markdown.ts'
import { trustWords } from './trust-words.ts'

const VERDICTS: Record<AuditResult['verdict'], string> = {
  clean: 'clean',
  findings: '**findings**',
  inconclusive: '**inconclusive**',
}
/** GitHub takes comments of 65,536 characters. */
const LIMIT = 60_000

/** An audit as Markdown for a pull request: a summary, then the findings, a table a severity; the rest is folded. */
export function auditMarkdown(report: AuditResult): string {
  const { image, lock, files, packages, findings, ignored } = report
  const { account: tally } = files
  const head = [
    `### Audit of ${codeCell(image.reference)}: ${VERDICTS[report.verdict]}`,
    '',
    `Image ${codeCell(image.id)}, compared with ${lock === null ? 'no lockfile' : codeCell(lock.path ?? lock.recipe)}.`,
    '',
    `${packages.length} packages. Files: ${tally.intact.files} intact, ${tally.generated.files} generated, ` +
      `${tally.modified.files} modified, ${tally.unexplained.files} unexplained; ` +
      `${explained(files)} are explained.`,
    '',
    ...(files.changes.length === 0
      ? []
      : [`Changed by steps of the locked image: ${countChanges(files.changes)}.`, '']),
    `Trusted: ${plainMarkdown(trustWords(report.trust).join('; '))}.`,
    '',
  ].join('\n')
  const open = findings.filter(({ severity }) => severity === 'error' || severity === 'inconclusive')
  const rest = findings.filter(({ severity }) => severity === 'warning' || severity === 'note')
  const sections = [
    table(open),
    folded(rest.length === 1 ? 'warning or note' : 'warnings and notes', table(rest), rest.length),
    folded(
      'ignored by the policy',
      table(
        ignored,
        ({ reason = '', until }: { reason?: string; until?: string }) =>
          `${reason}${until === undefined ? '' : ` (until ${until})`}`,
      ),
      ignored.length,
    ),
  ]
  return withinLimit(
    head,
    sections.filter((section) => section !== ''),
    findings,
  )
}

function table<T extends Finding>(findings: readonly T[], more?: (finding: T) => string): string {
  if (findings.length === 0) return ''
  const rows = findings.map((finding) => {
    const { rule, subject, message, expected, actual } = finding
    const cells = [rule, codeCell(subject), plainMarkdown(message), short(expected), short(actual)]
    return `| ${[...cells, ...(more ? [plainMarkdown(more(finding))] : [])].join(' | ')} |`
  })
  const names = ['rule', 'what', 'finding', 'expected', 'actual', ...(more ? ['why'] : [])]
  return [`| ${names.join(' | ')} |`, `|${' --- |'.repeat(names.length)}`, ...rows, ''].join('\n')
}

function folded(title: string, content: string, count: number): string {
  return content === '' ? '' : `<details><summary>${count} ${title}</summary>\n\n${content}\n</details>\n`
}

/** What exceeds the limit is counted by rule: nothing is cut without saying so. */
function withinLimit(head: string, sections: string[], findings: readonly Finding[]): string {
  const whole = [head, ...sections].join('\n')
  if (whole.length <= LIMIT) return whole
  const byRule = Map.groupBy(findings, ({ rule }) => rule)
  const rows = [...byRule].map(([rule, all]) => `| ${rule} | ${all.length} |`)
  const note = `${findings.length} findings are too many for one comment: by rule, and each in the JSON report.`
  return [head, note, '', '| rule | findings |', '| --- | --- |', ...rows, ''].join('\n')
}

function short(value: string | undefined): string {
  if (value === undefined) return ''
  return codeCell(value.length > 80 ? `${value.slice(0, 77)}...` : value)
}
