import type { InstalledPackage, PackageKind } from '../inventory/inventory.ts'
import type { Finding, IgnoredFinding } from './finding.ts'

export const REPORT_VERSION = 1

/**
 * What an audit ends with. `findings`: at least one of severity `error`; `inconclusive`: none, but something could not
 * be read; `clean`: neither. Warnings and notes leave an audit clean.
 */
export type AuditVerdict = 'clean' | 'findings' | 'inconclusive'

/**
 * All that an audit reports on an image; plain JSON data, the same for the same image, lock and policy but for what
 * `trust` says of this machine.
 */
export interface AuditReport {
  reportVersion: typeof REPORT_VERSION
  image: AuditedImage
  /** What the image was compared with; null when it was read without a lockfile. */
  lock: AuditedLock | null
  verdict: AuditVerdict
  trust: AuditTrust
  /** Ordered by kind, environment, name, version. */
  packages: AuditedPackage[]
  files: AuditedFiles
  /** Ordered by severity (error, inconclusive, warning, note), rule, subject. */
  findings: Finding[]
  /** Findings that the policy ignores, in the same order. */
  ignored: IgnoredFinding[]
  /** Ids of the rules that were checked; those that need a lock are skipped without one. */
  rules: string[]
}

/** What an audit went by; with `--strict`, what is weaker than it could be is a finding. */
export interface AuditTrust {
  /**
   * What decided whether a path is as it should be. `tree-digest`: it is that of the lock, so no path differs;
   * `locked-tree`: each path was compared with it; `rules`: what packages and steps of the lock bring; `package-lists`:
   * without a lock, what package managers note of their own files.
   */
  files: 'tree-digest' | 'locked-tree' | 'rules' | 'package-lists'
  /**
   * What says whose each file is. `artifacts`: the files of each locked artifact; `earlier-audit`: the same, as they were
   * read when the locked tree was audited by this machine before; `package-lists`: of artifacts that are not at hand, or
   * without a lock, what package managers note.
   */
  owners: 'artifacts' | 'earlier-audit' | 'package-lists'
  /** Locked artifacts that are not at hand. */
  missingArtifacts: number
  /** `as-locked`: the locked tree has it; `not-verified`: its header names its source, and the code may be another. */
  byteCode: 'as-locked' | 'not-verified'
  /** Layers whose members were read, and those known from an earlier audit, of which only the digest was taken. */
  layers: { read: number; known: number }
  /**
   * Paths of directories that a layer puts something into without giving them: their mode, owner and attributes are those of
   * the layer below, as containerd has it; with moby they are root's, 0755.
   */
  unclearDirectories: string[]
}

export interface AuditedImage {
  /** As it was asked for: a name of the engine's, or a file. */
  reference: string
  /** The image ID. */
  id: string
  /** Lowest first. */
  diffIDs: string[]
  /** Bytes of all layers, uncompressed. */
  size: number
  /** The tree digest. */
  tree: string
  /** Paths of the merged tree. */
  entries: number
  config: ConfigSummary
  /** `ID` and `VERSION_ID` of the image's os-release(5): `debian`, `11`. */
  os?: { id: string; version: string }
  /** When its config says that it was made, ISO 8601. */
  created?: string
}

/** What an image's config says, with credentials in `env` and `labels` redacted. */
export interface ConfigSummary {
  /** `linux/amd64`. */
  platform: string
  user: string
  workdir: string
  env: Record<string, string>
  entrypoint: string[] | null
  cmd: string[] | null
  labels: Record<string, string>
  /** Sorted: `43643/tcp`. */
  ports: string[]
  /** Sorted. */
  volumes: string[]
}

export interface AuditedLock {
  recipe: string
  /** Of the lockfile, as it was named or relative to the project. */
  path?: string
  /** `linux/amd64`. */
  platform: string
  /** The image ID that the lockfile expects; null before the first build. */
  image: string | null
}

export interface AuditedPackage {
  kind: PackageKind
  name: string
  version: string
  architecture?: string
  environment?: string
  /** Where the lock says it comes from: `base` or a step such as `apt-1`; null for what no lock names. */
  step: string | null
  /** The locked artifact it was installed from. */
  artifact?: { file: string; size: number; sha256: string }
  /** Where the package itself says it comes from. */
  origin?: NonNullable<InstalledPackage['origin']>
  license?: string
  /** How many files it says are its own. */
  files: number
}

export interface AuditedFiles {
  account: FileTally
  /** Bytes that are intact or generated, of all bytes: 0 to 1. */
  explainedShare: number
  /** What made the generated files, most bytes first. */
  generated: { reason: string; files: number; bytes: number }[]
  /** Every file that is not explained, by path. */
  unexplained: AuditedFile[]
  /** Every file that differs from its owner's, by path. */
  modified: AuditedFile[]
  /** Every path that a step of the locked image made other than rules know it, by path: no finding, as it is as locked. */
  changes: AuditedChange[]
}

/** An {@link AuditReport} as an audit makes it. */
export interface AuditResult extends Omit<AuditReport, 'files'> {
  files: JudgedFiles
}

/** {@link AuditedFiles} whose longest lists need not be there all at once. */
export interface JudgedFiles extends Omit<AuditedFiles, 'unexplained' | 'modified'> {
  unexplained: FileList
  modified: FileList
}

/** Files in any order, of which there may be hundreds of thousands: each is made when it is asked for. */
export interface FileList extends Iterable<AuditedFile> {
  readonly length: number
}

/** An audit's report as `--json` prints it. */
export function toReport({ files, ...rest }: AuditResult): AuditReport {
  return {
    ...rest,
    files: {
      ...files,
      // made when they are printed, if they are
      get unexplained() {
        return byPath(files.unexplained)
      },
      get modified() {
        return byPath(files.modified)
      },
    },
  }
}

const byPath = (files: FileList) => [...files].sort((a, b) => (a.path < b.path ? -1 : 1))

/** What a step of the locked image changed of what others brought. */
export interface AuditedChange {
  /** As in {@link AuditedFile}. */
  path: string
  /** The step whose layer has the path: `run-4`, `apt-1`, `base`; `steps` of an image of one layer. */
  by: string
  /** Packages whose maintainer scripts name the path. */
  scripts?: string[]
  /** The rule that knows no such thing, and what it says. */
  rule: string
  message: string
  /** Whose the path is: `deb/libc6`. */
  owner?: string
  expected?: string
  actual?: string
}

export interface AuditedFile {
  /** With a slash in front; bytes that are not printable ASCII are written `%XX`. */
  path: string
  size: number
  sha256: string
  /** Index of the layer that gave it, lowest 0. */
  layer?: number
  /** `deb/libc6`, `pypi/numpy`, `project-3`: whose it is, or whose it should be. */
  owner?: string
}

/** What became of every regular file. */
export type FileStatus = 'intact' | 'modified' | 'generated' | 'unexplained'

/** Regular files and their bytes by status; hard links count once. */
export type FileTally = Record<FileStatus, { files: number; bytes: number }>
