import type { AuditTrust } from '../audit/audit-report.ts'
import { plural } from './fact-lines.ts'

/** What an audit went by, in words: a line each. */
export function trustWords({ files, owners, missingArtifacts, byteCode, layers }: AuditTrust): string[] {
  const missing = missingArtifacts > 0 ? ` (${plural(missingArtifacts, 'artifact')} not at hand)` : ''
  const read = plural(layers.read, 'layer')
  return [
    `files: ${FILES[files]}`,
    `owners: ${OWNERS[owners]}${missing}`,
    `byte code: ${byteCode === 'as-locked' ? 'as locked' : 'not verified, only its header was compared with its source'}`,
    layers.known === 0
      ? `${read} read`
      : `${read} read, ${layers.known} known from an earlier audit by the digest`,
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
