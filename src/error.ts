/**
 * Every error code, by room, with the process exit code it leads to (design: exit codes):
 * 2 wrong usage, recipe or lockfile; 3 the environment failed and nothing was decided; 1 drift.
 */
export const ERROR_CODES = {
  // commands
  USAGE: 2,
  // recipe
  RECIPE_NOT_FOUND: 2,
  RECIPE_SYNTAX: 2,
  RECIPE_INVALID: 2,
  RECIPE_TASK_UNKNOWN: 2,
  RECIPE_CIRCLE: 2,
  CONFIG_INVALID: 2,
  // adopt
  DOCKERFILE_UNREADABLE: 2,
  DOCKERFILE_UNADOPTABLE: 2,
  IMAGE_UNADOPTABLE: 2,
  RECIPE_EXISTS: 2,
  // resolve
  SOURCE_UNKNOWN: 3,
  CERTIFICATES_INVALID: 3,
  SIGNATURE_INVALID: 3,
  INDEX_EXPIRED: 3,
  INDEX_OLDER: 3,
  INDEX_INVALID: 3,
  APT_PACKAGE_UNKNOWN: 2,
  APT_VERSION_UNKNOWN: 2,
  APT_UNRESOLVABLE: 2,
  REGISTRY_IMAGE_UNKNOWN: 2,
  REGISTRY_IMAGE_UNUSABLE: 2,
  REGISTRY_SCHEMA1: 2,
  REGISTRY_LOGIN_REFUSED: 3,
  PIP_PACKAGE_UNKNOWN: 2,
  PIP_CONFLICT: 2,
  PIP_REPLACES: 2,
  PIP_SOURCE_REFUSED: 2,
  PIP_FAILED: 2,
  PROJECT_NOT_FOUND: 2,
  PROJECT_DIRTY: 2,
  PROJECT_TREE_GONE: 3,
  COPY_PATH_UNKNOWN: 2,
  GIT_REF_UNKNOWN: 2,
  GIT_REF_AMBIGUOUS: 2,
  GIT_PATH_UNKNOWN: 2,
  GIT_SUBMODULE_INVALID: 2,
  GIT_COMMIT_GONE: 3,
  GIT_REPOSITORY_GONE: 3,
  GIT_LFS_GONE: 3,
  GIT_LOGIN_REFUSED: 3,
  GIT_FETCH_FAILED: 3,
  GIT_OBJECT_INVALID: 3,
  // lock
  REVISION_UNKNOWN: 2,
  LOCK_MISSING: 2,
  LOCK_INVALID: 2,
  LOCK_VERSION: 2,
  LOCK_STALE: 2,
  // dockerfile
  GENERATED_STALE: 2,
  // GitHub
  GITHUB_FAILED: 3,
  // store
  ARTIFACT_MISMATCH: 3,
  ARTIFACT_GONE: 3,
  ARCHIVE_INVALID: 3,
  FETCH_FAILED: 3,
  PUSH_FAILED: 3,
  KEY_UNUSABLE: 2,
  DISK_FULL: 3,
  NOT_WRITABLE: 3,
  CACHE_UNSAFE: 3,
  // engine
  ENGINE_MISSING: 3,
  ENGINE_TOO_OLD: 3,
  ENGINE_FAILED: 3,
  ENGINE_LOST: 3,
  STEP_FAILED: 2,
  BUILD_FAILED: 3,
  CONTAINER_FAILED: 3,
  CONTAINER_BUSY: 3,
  PORT_TAKEN: 3,
  PORT_SILENT: 3,
  IMAGE_MISSING: 3,
  SHARED_REMOTE: 3,
  INTERRUPTED: 3,
  // image
  IMAGE_UNREADABLE: 3,
  IMAGE_INVALID: 3,
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorOptions {
  /** What the user can do next. */
  hint?: string | undefined
  /** Plain data for `--json`; never credentials. */
  details?: Record<string, unknown> | undefined
  cause?: unknown
}

/** The one error a user may see; anything else that is thrown is a bug (exit 70). */
export class StillroomError extends Error {
  override readonly name = 'StillroomError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details
  }

  get exitCode(): number {
    return ERROR_CODES[this.code]
  }
}

/** The `code` of a system error, if it is one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** For `catch`: takes a path that is not there for nothing. */
export function unlessMissing(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw error
}

const FULL = ['ENOSPC', 'EDQUOT']
/** As programs and the Docker Engine say it: strerror(3) of the same. */
export const NO_SPACE = /no space left on device|disk quota exceeded/i

/** An error that says, whoever raised it, that a disk is full, as DISK_FULL; any other as it is. */
export function fullDisk(error: unknown): unknown {
  if (error instanceof StillroomError && error.code === 'DISK_FULL') return error
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 10; next = next.cause) chain.push(next)
  const found = chain.find((one) => FULL.includes(systemCode(one) ?? '') || NO_SPACE.test(one.message))
  if (found === undefined) return error
  const { path } = found as { path?: unknown }
  const place =
    typeof path === 'string' && !chain[0]?.message.includes(path) ? `cannot write to "${path}": ` : ''
  const details = error instanceof StillroomError ? { ...error.details, was: error.code } : undefined
  return new StillroomError('DISK_FULL', `a disk is full: ${place}${chain[0]?.message}`, {
    hint: FREE_SPACE,
    details,
    cause: error,
  })
}

/** What to do about a full disk. */
export const FREE_SPACE =
  'free some: `stillroom prune` removes what nothing needs; or set STILLROOM_CACHE to a directory on another disk'
