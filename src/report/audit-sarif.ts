import type { AuditResult } from '../audit/audit-report.ts'
import type { Finding } from '../audit/finding.ts'
import { RULES, type Severity } from '../audit/rules.ts'
import { findingParts } from './finding-parts.ts'
import { trustWords } from './trust-words.ts'

const LEVELS: Record<Severity, 'error' | 'warning' | 'note'> = {
  error: 'error',
  inconclusive: 'error',
  warning: 'warning',
  note: 'note',
}

/** An audit as SARIF 2.1.0 (OASIS): findings as results, those of the policy as suppressed ones. */
export function auditSarif(report: AuditResult): string {
  const rules = report.rules.map((id) => ({
    id,
    shortDescription: { text: RULES[id as keyof typeof RULES]?.title ?? id },
    // no `helpUri`, which would have to be absolute (3.49.12)
    help: { text: `What it means, and what to do: docs/rules.md#${id} of stillroom` },
  }))
  const index = new Map(report.rules.map((id, i) => [id, i]))
  const result = (finding: Finding) => ({
    ruleId: finding.rule,
    ...(index.has(finding.rule) ? { ruleIndex: index.get(finding.rule) } : {}),
    level: LEVELS[finding.severity],
    message: { text: [...findingParts(finding), ...(finding.evidence ?? [])].join('\n') },
    locations: [location(report, finding)],
    partialFingerprints: { 'stillroom/v1': `${finding.rule}:${finding.subject}` },
  })
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'stillroom', rules } },
        results: [
          ...report.findings.map(result),
          ...report.ignored.map((finding) => ({
            ...result(finding),
            suppressions: [{ kind: 'external', justification: finding.reason }],
          })),
        ],
        properties: { image: report.image.id, verdict: report.verdict, trust: trustWords(report.trust) },
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

/** A viewer shows findings at a file of the repository: the lockfile that the image was compared with. */
function location({ lock }: AuditResult, { subject }: Finding) {
  const logical = { logicalLocations: [{ fullyQualifiedName: subject }] }
  if (lock?.path === undefined) return logical
  return { physicalLocation: { artifactLocation: { uri: encodeURI(lock.path) } }, ...logical }
}
