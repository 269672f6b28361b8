import type { AuditedFile, AuditResult, FileList } from '../audit/audit-report.ts'
import type { Finding } from '../audit/finding.ts'
import { factLines } from './fact-lines.ts'
import { oneLine } from './markdown.ts'
import { trustWords } from './trust-words.ts'

export const AUDIT_VERDICTS: Record<AuditResult['verdict'], string> = {
  clean: 'clean: the image is what the lockfile says',
  findings: 'FINDINGS: the image differs from what it should be',
  inconclusive: 'INCONCLUSIVE: something could not be read',
}

/** Findings of one rule that are shown one by one. */
const SHOWN = 20

/** An audit for a terminal: what was read, then every finding, worst first. */
export function auditTable(report: AuditResult): string {
  const { image, lock, files, packages, findings, ignored } = report
  const { account: tally } = files
  const total = Object.values(tally).reduce((sum, each) => sum + each.files, 0)
  const head = factLines([
    ['image', oneLine(image.reference)],
    ['image ID', image.id],
    ['lockfile', oneLine(lock?.path ?? lock?.recipe ?? 'none: checks that need a lockfile were skipped')],
    ['verdict', lock === null && report.verdict === 'clean' ? 'clean' : AUDIT_VERDICTS[report.verdict]],
    ['packages', countKinds(packages)],
    [
      'files',
      `${total}: ${tally.intact.files} intact, ${tally.generated.files} generated, ` +
        `${tally.modified.files} modified, ${tally.unexplained.files} unexplained`,
    ],
    ['explained', explained(files)],
    ...(files.changes.length > 0 ? [['changed', countChanges(files.changes)] as [string, string]] : []),
    ...trustWords(report.trust).map((text, index): [string, string] => [index === 0 ? 'trusted' : '', text]),
    [
      'findings',
      `${findings.length}${ignored.length > 0 ? `, and ${ignored.length} ignored by the policy` : ''}`,
    ],
  ])
  const unexplained = lock === null ? [] : unexplainedLines(files.unexplained)
  return `${[...head, ...unexplained, ...changesOf(report), ...describe(findings)].join('\n')}\n`
}

function unexplainedLines(files: FileList): string[] {
  const lines = firstPaths(files).map(({ path, size }) => `unexplained  ${path} (${size} bytes)`)
  const more = files.length - lines.length
  return more > 0 ? [...lines, `unexplained  and ${more} more: see --json`] : lines
}

/** Those of a list, which may be long, that come first by path. */
function firstPaths(files: FileList): AuditedFile[] {
  const first: AuditedFile[] = []
  for (const file of files) {
    const last = first.at(-1)
    if (first.length === SHOWN && last !== undefined && last.path < file.path) continue
    first.push(file)
    first.sort((a, b) => (a.path < b.path ? -1 : 1)).splice(SHOWN)
  }
  return first
}

/** What steps of the locked image changed: of each step the first paths. */
function changesOf({ files: { changes } }: AuditResult): string[] {
  const steps = [...Map.groupBy(changes, ({ by }) => by)]
  return steps.flatMap(([by, all]) => {
    const lines = all.slice(0, SHOWN).map(({ path, owner, scripts }) => {
      const whose = [owner ?? '', scripts === undefined ? '' : `scripts of ${scripts.join(', ')}`].filter(
        Boolean,
      )
      return `modified by ${by}  ${path}${whose.length > 0 ? ` (${whose.join('; ')})` : ''}`
    })
    const more = all.length - lines.length
    return more > 0 ? [...lines, `modified by ${by}  and ${more} more: see --json`] : lines
  })
}

/** Never more than it is: `99.999 % of the bytes`. */
export function explained({ explainedShare }: AuditResult['files']): string {
  return `${(Math.floor(explainedShare * 1e6) / 1e4).toFixed(3)} % of the bytes`
}

/** How many paths each step changed: `2 paths by run-4`. */
export function countChanges(changes: AuditResult['files']['changes']): string {
  const steps = [...Map.groupBy(changes, ({ by }) => by)]
  return steps.map(([by, all]) => `${all.length} ${all.length === 1 ? 'path' : 'paths'} by ${by}`).join(', ')
}

function countKinds(packages: AuditResult['packages']): string {
  const kinds = Map.groupBy(packages, ({ kind }) => kind)
  return [...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(', ') || 'none'
}

function describe(findings: readonly Finding[]): string[] {
  const lines: string[] = []
  const shown = new Map<string, number>()
  for (const { rule, severity, subject, message, expected, actual, evidence = [] } of findings) {
    const count = (shown.get(rule) ?? 0) + 1
    shown.set(rule, count)
    if (count > SHOWN) continue
    lines.push('', `${severity}  ${rule}  ${oneLine(subject)}`, `  ${oneLine(message)}`)
    if (expected !== undefined) lines.push(`  expected ${oneLine(expected)}`)
    if (actual !== undefined) lines.push(`  actual   ${oneLine(actual)}`)
    for (const line of evidence.slice(0, 5)) lines.push(`  ${oneLine(line)}`)
  }
  for (const [rule, count] of shown)
    if (count > SHOWN) lines.push('', `and ${count - SHOWN} more of ${rule}: see --json`)
  return lines
}
