import type { FileTree } from '../image/file-tree.ts'
import type { Work } from './work.ts'

/** Ecosystems by the types of package URLs (purl-spec, "Known purl types"); `git` is a checkout. */
export type PackageKind = 'deb' | 'apk' | 'rpm' | 'pypi' | 'conda' | 'npm' | 'cran' | 'git'

/** How a package manager hashed a file; `git-blob` is the sha1 of git's blob object. */
export interface FileDigest {
  algorithm: 'md5' | 'sha1' | 'sha256' | 'git-blob'
  /** Lower-case hex. */
  value: string
}

/** One path that a package says is its own. */
export interface OwnedFile {
  /** Below the root, no slash in front; bytes as latin1, as everywhere in `image/`. Symlinks in parents not resolved. */
  path: string
  digest?: FileDigest
  /** dpkg's configuration files and their like: an administrator may change them. */
  configuration?: boolean
}

export interface InstalledPackage {
  kind: PackageKind
  /** As its ecosystem writes it; `pypi` names normalised as in PEP 503; a checkout's path for `git`. */
  name: string
  /** A commit for `git`. */
  version: string
  architecture?: string
  /** Path of the file that says so. */
  record: string
  /** The directory it is installed to where an image may have several: site-packages, node_modules, a conda prefix. */
  environment?: string
  files: OwnedFile[]
  /** Of dpkg, when it isn't `installed`: `unpacked`, `half-configured`, ... */
  state?: string
  /** Where it was installed from, when recorded: PEP 610 direct_url.json, a git remote; credentials redacted. */
  origin?: { url: string; commit?: string; editable?: boolean }
  /** Of a `git` checkout: paths whose content is not what the commit or the index says. */
  modified?: string[]
  license?: string
}

/** What could not be read of a package manager's data; audit makes it an `inconclusive` finding. */
export interface InventoryProblem {
  kind: PackageKind
  path: string
  /** What was being read, and what is wrong with it. */
  reason: string
}

export interface Inventory {
  /** Ordered by kind, environment, name, version. */
  packages: InstalledPackage[]
  problems: InventoryProblem[]
}

/** One package manager: reads what it installed from the files of an image alone. */
export interface PackageManager {
  kind: PackageKind
  /** Whether a regular file's content is needed; asked for each member of each layer while the image is read. */
  wants(path: string, size: number): boolean
  /** @throws {TooMuchWork} */
  read(tree: FileTree, work: Work): Inventory | Promise<Inventory>
}
