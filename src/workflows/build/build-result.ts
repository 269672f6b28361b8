import type { AuditReport } from '../../audit/audit-report.ts'
import type { Finding } from '../../audit/finding.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { CheckResult, PackageCount } from './run-checks.ts'

/** An audit in short; `audit recipe` tells all. */
export interface BuildAudit {
  verdict: AuditReport['verdict']
  explainedShare: number
  findings: Finding[]
  /** Whether it was said of the same image ID and lockfile before, so that the image was not read again. */
  isKnown: boolean
}

export interface BuildRecipeOptions {
  /** Whether to read the built image and hold its every file against the lockfile. */
  audit: boolean
  /** Build every step again, whatever the engine remembers or has. */
  noCache: boolean
  /** A buildx builder by name. */
  builder?: string | undefined
}

/** `recorded`: the first build of this lock, whose image the lockfile now names. */
export type BuildVerdict = 'identical' | 'equivalent' | 'different' | 'recorded'

export interface BuildResult {
  recipe: string
  /** Its tag in the engine. */
  tag: string
  image: { id: string; size: number; layers: number; tree?: string }
  /** What the lockfile expects; null on the first build. */
  expected: LockedImage | null
  verdict: BuildVerdict
  /** Whether the engine had the image already, so that nothing was built. */
  unchanged: boolean
  /** As locked, when nothing was built; else read back from the image. */
  packages: PackageCount
  /** None are run when nothing was built. */
  checks: CheckResult[]
  /** What the audit of the built image said; null when nothing was built, or none was wanted. */
  audit: BuildAudit | null
  stages: { name: string; seconds: number }[]
}
