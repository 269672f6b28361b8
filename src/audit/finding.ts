/** How much a finding weighs: `error` and `inconclusive` fail an audit, `warning` and `note` don't. */
export type Severity = 'error' | 'warning' | 'note' | 'inconclusive'

/** One difference between what should be in an image and what is. */
export interface Finding {
  /** Id of the rule, such as `file-modified`; each has a section of its own in docs/rules.md. */
  rule: string
  severity: Severity
  /** One sentence, without a period at its end. */
  message: string
  /** What it is about: a path with a slash in front, or `deb/libc6`, `pypi/numpy`, `config/Env`, `image/id`. */
  subject: string
  expected?: string
  actual?: string
  /** Further facts, one line each: the package that owns a file, the layer it came from. */
  evidence?: string[]
}

/** A finding that the policy of stillroom.config.ts ignores. */
export interface IgnoredFinding extends Finding {
  reason: string
  /** Last day it is ignored, ISO 8601. */
  until?: string
}

/** What became of every regular file. */
export type FileStatus = 'intact' | 'modified' | 'generated' | 'unexplained'

/** Regular files and their bytes by status; hard links count once. */
export type FileAccount = Record<FileStatus, { files: number; bytes: number }>
