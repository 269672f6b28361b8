/** How much a finding weighs: `error` and `inconclusive` fail an audit, `warning` and `note` don't. */
export type Severity = 'error' | 'warning' | 'note' | 'inconclusive'

export interface Rule {
  severity: Severity
  /** Whether it compares an image with a lockfile, and is skipped without one. */
  needsLock: boolean
  /** What a finding of it says, as a heading. */
  title: string
}

/** Every rule, by id; each has a section of its own in docs/rules.md. */
export const RULES = {
  'image-id': { severity: 'error', needsLock: true, title: 'Another image' },
  'tree-digest': { severity: 'error', needsLock: true, title: 'Other files' },
  'base-digest': { severity: 'error', needsLock: true, title: 'Another base' },
  'layer-digest': { severity: 'error', needsLock: true, title: 'The same files in other layers' },
  'layer-extra': { severity: 'note', needsLock: true, title: 'A layer that the lockfile does not name' },
  'package-missing': { severity: 'error', needsLock: true, title: 'A locked package is not installed' },
  'package-extra': { severity: 'error', needsLock: true, title: 'A package that is not in the lockfile' },
  'package-version': { severity: 'error', needsLock: true, title: 'A package of another version' },
  'file-modified': { severity: 'error', needsLock: false, title: "A file that differs from its owner's" },
  'file-missing': { severity: 'error', needsLock: false, title: 'A file of a package is not there' },
  'file-unexplained': { severity: 'error', needsLock: true, title: 'A file that nobody owns' },
  'file-mode': { severity: 'error', needsLock: true, title: 'Another mode, owner or attribute' },
  'file-link': { severity: 'error', needsLock: true, title: 'Other hard links' },
  'file-time': { severity: 'error', needsLock: true, title: 'Another time' },
  setuid: { severity: 'error', needsLock: false, title: 'Privileges that no package gives' },
  'world-writable': { severity: 'error', needsLock: false, title: 'Everybody may write to it' },
  account: { severity: 'error', needsLock: true, title: 'A user account that nothing makes' },
  'byte-code': { severity: 'error', needsLock: false, title: 'Byte code that is not that of its source' },
  credential: { severity: 'error', needsLock: false, title: 'A credential' },
  'git-modified': { severity: 'error', needsLock: false, title: 'A checkout with changes' },
  'config-env': { severity: 'error', needsLock: true, title: 'Another environment' },
  'config-user': { severity: 'error', needsLock: true, title: 'Another user' },
  'config-workdir': { severity: 'error', needsLock: true, title: 'Another working directory' },
  'config-entrypoint': { severity: 'error', needsLock: true, title: 'Another entrypoint' },
  'config-cmd': { severity: 'error', needsLock: true, title: 'Another command' },
  'config-labels': { severity: 'error', needsLock: true, title: 'Other labels' },
  'config-ports': { severity: 'error', needsLock: true, title: 'Other ports' },
  'config-volumes': { severity: 'error', needsLock: true, title: 'Other volumes' },
  'config-other': { severity: 'error', needsLock: true, title: 'A setting that no recipe makes' },
  'sif-settings': { severity: 'error', needsLock: true, title: 'A SIF that runs something else' },
  'policy-expired': {
    severity: 'warning',
    needsLock: false,
    title: 'An exception of the policy has expired',
  },
  trust: { severity: 'error', needsLock: false, title: 'Something was taken on trust' },
  inconclusive: { severity: 'inconclusive', needsLock: false, title: 'Something could not be read' },
} as const satisfies Record<string, Rule>

export type RuleId = keyof typeof RULES

/** Ids of the rules that an audit checks. */
export function rulesFor(hasLock: boolean): RuleId[] {
  return (Object.keys(RULES) as RuleId[]).filter((id) => hasLock || !RULES[id].needsLock)
}
