import type { LockedImage } from '../lock/schema.ts'
import type { CheckResult, PackageCount } from './run-checks.ts'

export interface BuildRecipeOptions {
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
  stages: { name: string; seconds: number }[]
}
