import type { ComparedImage, ExplainedDifference } from './explained-difference.ts'
import type { SharedSteps } from './rebuilt-steps.ts'

export const VERIFY_REPORT_VERSION = 1

/**
 * What a verification ends with: `identical`: the same image ID; `equivalent`: the same tree and settings in other
 * packaging; `different`; `inconclusive`: built, but the images could not be compared; `failed`: not built.
 */
export type VerifyVerdict = 'identical' | 'equivalent' | 'different' | 'inconclusive' | 'failed'

/** All that the verification of one recipe reports; plain JSON data. */
export interface VerifyReport {
  reportVersion: typeof VERIFY_REPORT_VERSION
  recipe: string
  /** `linux/amd64`. */
  platform: string
  verdict: VerifyVerdict
  /** sha256 of lock.json, in hex; null when it could not be read. */
  lock: string | null
  /** What the new image was compared with; null when nothing was built. */
  reference: VerifyReference | null
  /** The image built from nothing; null when that failed. */
  image: ComparedImage | null
  /** How the build's surroundings were made different; empty without `--vary` and `--builder`. */
  variations: AppliedVariation[]
  /**
   * What was not rebuilt once more, as the same command had just rebuilt the same for another recipe, to the digests that this lockfile has
   * of it, too; null when all was rebuilt.
   */
  shared: SharedSteps | null
  /** From the reference (a) to the new image (b); null when the two are identical or only one could be read. */
  difference: ExplainedDifference | null
  /** Why the verdict is `inconclusive` or `failed`, or why a difference can't be explained; redacted. */
  problem: VerifyProblem | null
  stages: { name: string; seconds: number }[]
}

export interface VerifyReference {
  /**
   * `lock`: the digests in the lockfile; `tree`: the locked tree, which has all of the files but their contents; `image`: an
   * image at hand; `build`: another build, made for this.
   */
  kind: 'lock' | 'tree' | 'image' | 'build'
  /** The image ID. */
  id: string
  /** The tree digest. */
  tree?: string
  /** The engine's name of an image that could be read, or was; of a locked tree, `lockfile`. */
  name?: string
}

/** What can be made different between two builds. */
export const VARIATIONS = ['clock', 'hostname', 'cpus', 'timezone', 'locale', 'umask', 'store'] as const
export type Variation = (typeof VARIATIONS)[number]

export interface AppliedVariation {
  /** `builder`: another BuildKit, by `--builder`. */
  variation: Variation | 'builder'
  /** What the second build had, in words: `124 days ahead`. */
  value: string
}

export interface VerifyProblem {
  /** Of a StillroomError. */
  code: string
  message: string
  hint?: string
}

/** Exit code of a verification: 0 identical, 1 drift, 2 a recipe or lockfile that is wrong, 3 not built. */
export function exitCodeOf({ verdict, problem }: VerifyReport): number {
  switch (verdict) {
    case 'identical':
      return 0
    case 'equivalent':
    case 'different':
    case 'inconclusive':
      return 1
    case 'failed':
      return problem !== null &&
        /^(USAGE|RECIPE_|CONFIG_|LOCK_|GENERATED_|PROJECT_(NOT|DIRTY))/.test(problem.code)
        ? 2
        : 3
  }
}
