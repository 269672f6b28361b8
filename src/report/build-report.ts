import type { AuditReport } from '../audit/audit-report.ts'
import type { LockedImage } from '../lock/schema.ts'
import { describeTime, factLines, megabytes, plural } from './fact-lines.ts'

/** What a build reports, also as `--json`. */
export interface BuildReport {
  recipe: string
  /** Of the image in the engine. */
  tag: string
  image: { id: string; size: number; layers: number; tree?: string }
  /** What the lockfile expects; null on the first build. */
  expected: LockedImage | null
  /** `recorded`: the first build of this lock, whose image the lockfile now names. */
  verdict: 'identical' | 'equivalent' | 'different' | 'recorded'
  /** Whether the engine had the image already, so that nothing was built. */
  unchanged: boolean
  /** As locked, when nothing was built; else read back from the image. */
  packages: PackageCount
  /** None are run when nothing was built. */
  checks: CheckResult[]
  /** Null when nothing was built, or no audit was wanted. */
  audit: BuildAudit | null
  stages: { name: string; seconds: number }[]
}

/** Packages by kind: Debian's that dpkg says are installed, and those of pip that Python finds in the locked version. */
export interface PackageCount {
  debian: number
  python: number
}

export interface CheckResult {
  name: string
  passed: boolean
  /** What the command printed, or why it did not pass; shortened. */
  output: string
}

/** An audit in short; `audit recipe` has all of it. */
export interface BuildAudit extends Pick<AuditReport, 'verdict' | 'findings'> {
  explainedShare: number
  /** Whether the same image ID and lockfile were audited before, so that the image was not read again. */
  isKnown: boolean
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
  const passed = `${checks.length - failed.length} of ${checks.length} passed`
  const table = factLines([
    ['image', result.tag],
    ['image ID', image.id],
    ['expected', result.verdict === 'different' ? expected?.id : undefined],
    ['verdict', VERDICTS[result.verdict]],
    ['size', `${megabytes(image.size)} in ${image.layers} layers`],
    ['packages', `${packages.debian} Debian, ${packages.python} Python`],
    ['checks', result.unchanged ? 'not run: nothing was built' : passed],
    ['audit', audit === null ? undefined : describeAudit(audit)],
    ['time', describeTime(stages)],
  ])
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
  return `${plural(findings.length, 'finding').toUpperCase()}: see stillroom audit recipe`
}
