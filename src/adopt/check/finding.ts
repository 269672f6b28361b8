/** How much a finding weighs: `error` and `inconclusive` fail a check, `warning` doesn't. */
export type DockerfileSeverity = 'error' | 'warning' | 'inconclusive'

/** Every rule of Dockerfiles, by id; each has a section of its own in docs/dockerfile-rules.md. */
export const DOCKERFILE_RULES = {
  'image-floating': { severity: 'error', title: 'An image without a digest' },
  'apt-unpinned': { severity: 'error', title: 'A Debian package without a version' },
  'apt-upgrade': { severity: 'error', title: 'Whatever is newest today' },
  'pip-unpinned': { severity: 'error', title: 'A Python package without a version' },
  'pip-unhashed': { severity: 'warning', title: 'Python packages by version alone' },
  'package-unpinned': { severity: 'error', title: 'A package without a version' },
  'download-unverified': { severity: 'error', title: 'A download without a checksum' },
  'remote-script': { severity: 'error', title: 'A program that is run as it is downloaded' },
  'git-moving': { severity: 'error', title: 'A repository without a commit' },
  clock: { severity: 'error', title: 'The time of the build' },
  random: { severity: 'error', title: 'Something random' },
  'generated-key': { severity: 'error', title: 'A key that is made in the build' },
  'cache-kept': { severity: 'warning', title: 'A cache that stays' },
  'log-kept': { severity: 'warning', title: 'Logs that stay' },
  secret: { severity: 'error', title: 'A secret' },
  unread: { severity: 'inconclusive', title: 'Something could not be read' },
} as const satisfies Record<string, { severity: DockerfileSeverity; title: string }>

export type DockerfileRule = keyof typeof DOCKERFILE_RULES

/** Something in a Dockerfile that will not be the same when it is built again. */
export interface DockerfileFinding {
  rule: DockerfileRule
  severity: DockerfileSeverity
  /** Counted from 1. */
  line: number
  /** Counted from 1. */
  column: number
  message: string
  /** What to write there; what stands in angle brackets is to be looked up. */
  instead?: string
}

export interface CheckedDockerfile {
  path: string
  findings: DockerfileFinding[]
}

export interface DockerfileCheck {
  /** `inconclusive` when there are no errors, but something could not be read. */
  verdict: 'clean' | 'findings' | 'inconclusive'
  files: CheckedDockerfile[]
}
