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
