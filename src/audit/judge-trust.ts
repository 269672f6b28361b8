import type { AuditTrust } from './audit-report.ts'
import { type Finding, showPath } from './finding.ts'
import type { ImageSubject, LockSubject } from './subject.ts'

/** What an audit goes by. */
export function trustOf(
  { layers, knownLayers = 0, tree: files }: Pick<ImageSubject, 'layers' | 'knownLayers' | 'tree'>,
  tree: string,
  lock: Pick<LockSubject, 'locked' | 'tree'> | undefined,
  missingArtifacts: number,
  isKnown = false,
): AuditTrust {
  const basis = basisOf(tree, lock)
  const isByArtifacts = lock !== undefined && missingArtifacts === 0
  return {
    files: basis,
    owners: isKnown ? 'earlier-audit' : isByArtifacts ? 'artifacts' : 'package-lists',
    missingArtifacts,
    byteCode: basis === 'tree-digest' || basis === 'locked-tree' ? 'as-locked' : 'not-verified',
    layers: { read: layers.length - knownLayers, known: knownLayers },
    unclearDirectories: files.unclearDirectories().map(showPath),
  }
}

function basisOf(tree: string, lock: Pick<LockSubject, 'locked' | 'tree'> | undefined): AuditTrust['files'] {
  if (lock === undefined) return 'package-lists'
  if (lock.locked.image?.tree === tree) return 'tree-digest'
  return lock.tree === undefined ? 'rules' : 'locked-tree'
}

/** A finding for each thing that is weaker than it could be, as `--strict` wants it. */
export function strictFindings(trust: AuditTrust): Finding[] {
  const { files, owners, missingArtifacts, byteCode, layers, unclearDirectories } = trust
  const weak: [subject: string, isWeak: boolean, message: string][] = [
    [
      'files',
      files === 'rules' || files === 'package-lists',
      files === 'rules'
        ? 'whether files are as locked was decided by rules: the locked tree is not at hand'
        : 'files were compared with what package managers note of them: there is no lockfile',
    ],
    [
      'owners',
      owners !== 'artifacts',
      owners === 'earlier-audit'
        ? 'whose files are was taken from an earlier audit'
        : `whose files are was taken from package managers' own lists${missingArtifacts > 0 ? `: ${missingArtifacts} artifacts are not at hand` : ''}`,
    ],
    [
      'byte-code',
      byteCode === 'not-verified',
      "byte code was not verified: its header names its source, and the code may be another's",
    ],
    [
      'layers',
      layers.known > 0,
      `the members of ${layers.known} layers were taken from the cache: only their digests were verified`,
    ],
    [
      'directories',
      unclearDirectories.length > 0,
      `a layer puts files into directories without giving these, so that engines differ about their mode and owner: ${someOf(unclearDirectories)}`,
    ],
  ]
  return weak
    .filter(([, isWeak]) => isWeak)
    .map(([subject, , message]) => ({
      rule: 'trust',
      severity: 'error',
      subject: `trust/${subject}`,
      message,
    }))
}

/** The first few of a list, in words. */
const someOf = (paths: readonly string[]) =>
  `${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ` and ${paths.length - 5} more` : ''}`
