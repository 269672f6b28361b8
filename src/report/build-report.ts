import type { AuditReport } from '../audit/audit-report.ts'

/** What a build reports, also as `--json`. */
export interface BuildReport {
  recipe: string
  tag: string
  image: { id: string; size: number; layers: number; tree?: string }
  expected: { id: string; size: number; tree: string } | null
  verdict: 'identical' | 'equivalent' | 'different' | 'recorded'
  unchanged: boolean
  packages: { debian: number; python: number }
  checks: { name: string; passed: boolean; output: string }[]
  /** Null when nothing was built, or no audit was wanted. */
  audit: (Pick<AuditReport, 'verdict' | 'findings'> & { explainedShare: number; isKnown: boolean }) | null
  stages: { name: string; seconds: number }[]
}

const VERDICTS: Record<BuildReport['verdict'], string> = {
  identical: 'identical to the lockfile',
  recorded: 'first build of this lock: recorded in the lockfile',
  equivalent: 'equivalent: the same files as the lockfile says, packaged in another way',
  different: 'DIFFERENT from the lockfile',
}

/** The short table at the end of a build. */
export function buildTable(result: BuildReport): string {
  const { image, expected, packages, checks, audit, stages } = result
  const failed = checks.filter((check) => !check.passed)
  const total = stages.reduce((sum, stage) => sum + stage.seconds, 0)
  const rows: [string, string][] = [
    ['image', result.tag],
    ['image ID', image.id],
    ...(result.verdict === 'different' && expected ? [['expected', expected.id] as [string, string]] : []),
    ['verdict', VERDICTS[result.verdict]],
    ['size', `${(image.size / 1e6).toFixed(1)} MB in ${image.layers} layers`],
    ['packages', `${packages.debian} Debian, ${packages.python} Python`],
    [
      'checks',
      result.unchanged
        ? 'not run: nothing was built'
        : `${checks.length - failed.length} of ${checks.length} passed`,
    ],
    ...(audit === null ? [] : [['audit', describeAudit(audit)] as [string, string]]),
    [
      'time',
      `${total.toFixed(1)} s (${stages.map((stage) => `${stage.name} ${stage.seconds.toFixed(1)}`).join(', ')})`,
    ],
  ]
  const table = rows.map(([name, value]) => `${name.padEnd(9)} ${value}`)
  const failures = failed.map((check) => `check "${check.name}" failed: ${check.output}`)
  const findings = (audit?.findings ?? []).map(
    ({ rule, subject, message }) => `audit: ${rule} ${subject}: ${message}`,
  )
  return `${[...table, ...failures, ...findings.slice(0, 20)].join('\n')}\n`
}

function describeAudit(audit: NonNullable<BuildReport['audit']>): string {
  const { verdict, findings, explainedShare, isKnown } = audit
  if (verdict === 'clean') {
    const share = (Math.floor(explainedShare * 1e5) / 1e3).toFixed(2)
    return `clean: ${share} % of the bytes explained${isKnown ? ', as this image ID was audited before' : ''}`
  }
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`
  return `${count.toUpperCase()}: see stillroom audit recipe`
}
