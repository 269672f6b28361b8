import type { AuditResult } from '../audit/audit-report.ts'
import type { FileDifference } from '../image/compare-trees.ts'
import type { LockedImage } from '../lock/schema.ts'
import type { VerifyReport } from '../verify/verify-report.ts'
import { describeTime, factLines, megabytes, plural } from './fact-lines.ts'
import { verifyTable } from './verify-table.ts'

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
  /** By which files a `different` image differs; null when it does not, or the locked tree is not at hand. */
  differing: DifferingPaths | null
  /** Whether the engine had the image already, so that nothing was built. */
  unchanged: boolean
  /** Where the image was fetched from instead of being built, as its lockfile has it; null when it was not. */
  fetched: string | null
  /** As locked, when nothing was built; else read back from the image. */
  packages: PackageCount
  /** None are run when nothing was built. */
  checks: CheckResult[]
  /** Null when nothing was built, or no audit was wanted. */
  audit: BuildAudit | null
  stages: { name: string; seconds: number }[]
  /** Of the second build that `--twice` makes of what is new. */
  second?: VerifyReport
}

export interface DifferingPaths {
  count: number
  /** The first of them: those of which more than the time differs come first. */
  paths: Pick<FileDifference, 'path' | 'change' | 'fields'>[]
  /** What lists all of them. */
  command: string
}

/** Paths that a build names. */
const NAMED = 20

/**
 * What a build says of the paths at which its image differs.
 *
 * @param image what it is called
 */
export function summarizePaths(
  recipe: string,
  image: string,
  differences: readonly FileDifference[],
): DifferingPaths {
  const isTime = ({ fields }: FileDifference) => fields.join() === 'mtime'
  const sorted = [...differences.filter((each) => !isTime(each)), ...differences.filter(isTime)]
  return {
    count: differences.length,
    paths: sorted.slice(0, NAMED).map(({ path, change, fields }) => ({ path, change, fields })),
    command: `stillroom audit image ${image} --lock recipes/${recipe}/lock.json --json`,
  }
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
export interface BuildAudit extends Pick<AuditResult, 'verdict' | 'findings'> {
  /** Null when the image was not read again. */
  trust: AuditResult['trust'] | null
  explainedShare: number
  /** Whether the same image ID and lockfile were audited before, so that the image was not read again. */
  isKnown: boolean
}

const VERDICTS: Record<BuildReport['verdict'], string> = {
  identical: 'identical to the lockfile',
  recorded: 'recorded: the first build of this lock, which proves nothing yet',
  equivalent: 'equivalent: the same files as the lockfile says, packaged in another way',
  different: 'DIFFERENT from the lockfile',
}

/** The short table at the end of a build. */
export function buildTable(result: BuildReport): string {
  const { image, expected, packages, checks, audit, stages } = result
  const failed = checks.filter((check) => !check.passed)
  const passed = `${checks.length - failed.length} of ${checks.length} passed`
  const { second } = result
  const table = factLines([
    ['image', result.tag],
    ['image ID', image.id],
    ['expected', result.verdict === 'different' ? expected?.id : undefined],
    ['verdict', VERDICTS[result.verdict]],
    [
      'proof',
      result.verdict === 'recorded' && !second ? `stillroom verify recipe ${result.recipe}` : undefined,
    ],
    ['fetched', result.fetched === null ? undefined : `from ${result.fetched}, not built`],
    ['size', `${megabytes(image.size)} in ${image.layers} layers`],
    ['packages', `${packages.debian} Debian, ${packages.python} Python`],
    ['checks', result.unchanged ? 'not run: nothing was built' : passed],
    ['audit', audit === null ? undefined : describeAudit(audit)],
    ['time', describeTime(stages)],
  ])
  const failures = failed.map((check) => `check "${check.name}" failed: ${check.output}`)
  // paths that differ are named already
  const findings = (audit?.findings ?? [])
    .filter(({ subject }) => result.differing === null || !subject.startsWith('/'))
    .map(({ rule, subject, message }) => `audit: ${rule} ${subject}: ${message}`)
  const lines = [...table, ...failures, ...pathLines(result), ...findings.slice(0, NAMED)]
  if (second) lines.push('', 'built a second time:', verifyTable(second).trimEnd())
  return `${lines.join('\n')}\n`
}

function pathLines({ verdict, differing, recipe, tag }: BuildReport): string[] {
  if (verdict !== 'different') return []
  if (differing === null)
    return [
      'which files differ is not known, as the locked tree is not at hand: an audit or a build of the locked image leaves it',
      `in the store, and an archive of store export has it; then: stillroom audit image ${tag} --lock recipes/${recipe}/lock.json`,
    ]
  const { count, paths, command } = differing
  const lines = paths.map(({ path, change, fields }) =>
    change === 'changed' ? `differs: ${path} (${fields.join(', ')})` : `${change}: ${path}`,
  )
  const more = count - paths.length
  return [...lines, more > 0 ? `and ${more} more; all of them: ${command}` : `in detail: ${command}`]
}

function describeAudit(audit: NonNullable<BuildReport['audit']>): string {
  const { verdict, findings, explainedShare, isKnown } = audit
  if (verdict === 'clean') {
    const share = (Math.floor(explainedShare * 1e5) / 1e3).toFixed(2)
    return `clean: ${share} % of the bytes explained${isKnown ? ', as this image ID was audited before' : ''}`
  }
  return `${plural(findings.length, 'finding').toUpperCase()}: see stillroom audit recipe`
}
