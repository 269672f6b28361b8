import type { AuditTrust } from '../audit/audit-report.ts'
import { plural } from './fact-lines.ts'
import { oneLine } from './markdown.ts'

/** What an audit went by, in words: a line each. */
export function trustWords(trust: AuditTrust): string[] {
  const { layers, unclearDirectories } = trust
  const read = plural(layers.read, 'layer')
  return [
    ...groundWords(trust),
    layers.known === 0
      ? `${read} read`
      : `${read} read, ${layers.known} known from an earlier audit by the digest`,
    ...unclearWords(unclearDirectories),
  ]
}

/** The same without what only this machine's earlier audits decide. */
export function lastingTrustWords(trust: AuditTrust): string[] {
  const owners = trust.owners === 'earlier-audit' ? 'artifacts' : trust.owners
  return [...groundWords({ ...trust, owners }), ...unclearWords(trust.unclearDirectories)]
}

function groundWords({ files, owners, missingArtifacts, byteCode }: AuditTrust): string[] {
  const missing = missingArtifacts > 0 ? ` (${plural(missingArtifacts, 'artifact')} not at hand)` : ''
  return [
    `files: ${FILES[files]}`,
    `owners: ${OWNERS[owners]}${missing}`,
    `byte code: ${byteCode === 'as-locked' ? 'as locked' : 'not verified, only its header was compared with its source'}`,
  ]
}

/** Engines differ about directories that a layer does not give. */
function unclearWords(paths: readonly string[]): string[] {
  if (paths.length === 0) return []
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : ''
  const count = paths.length === 1 ? '1 directory' : `${paths.length} directories`
  return [
    `${count} as with containerd, with moby root's and of mode 0755: ${paths.slice(0, 3).map(oneLine).join(', ')}${more}`,
  ]
}

const FILES: Record<AuditTrust['files'], string> = {
  'tree-digest': 'the tree digest is the locked one',
  'locked-tree': 'each path compared with the locked tree',
  rules: 'by rules, without the locked tree',
  'package-lists': 'by what package managers note, without a lockfile',
}

const OWNERS: Record<AuditTrust['owners'], string> = {
  artifacts: 'by the files of each locked artifact',
  'earlier-audit': 'as an earlier audit of the locked tree found them',
  'package-lists': 'by what package managers note',
}
