import type { FileTree } from '../../image/file-tree.ts'
import type { FileType } from '../../image/layer-entry.ts'

/** One file of a locked artifact, as the artifact itself holds it. */
export interface ContentFile {
  /** As in the artifact, no slash in front; bytes as latin1. */
  path: string
  type: FileType
  /** Of a hard link: those of the file it names. */
  size: number
  /** Lower-case hex; empty of all but regular files. */
  sha256: string
  mode: number
  uid: number
  gid: number
  /** Of a symbolic link. */
  target: string
  /** What byte code made from this Python source has in its header, in hex (PEP 552). */
  sourceHash?: string
  /** Of a wheel's script that begins with `#!python`: what it is with {@link INTERPRETER} instead. */
  script?: { size: number; sha256: string }
}

/** The Python that pip runs with, and that it writes into the scripts it makes. */
export const INTERPRETER = '/usr/bin/python3'

/** A member of a .deb's control archive; dpkg copies most of them into the image as they are. */
export interface ControlMember {
  size: number
  sha256: string
  /** Of `control`, `conffiles` and maintainer scripts. */
  text?: string
}

/** What an artifact holds, read once from bytes that have the locked sha256. */
export interface ArtifactContents {
  files: ContentFile[]
  /** Of a .deb, by name: `control`, `md5sums`, `postinst`. */
  control?: Record<string, ControlMember>
  /** Of a wheel: its own RECORD and entry_points.txt. */
  record?: string
  entryPoints?: string
  /** Of a source distribution: its PKG-INFO, and setuptools' requires.txt. */
  metadata?: string
  requires?: string
}

/** The contents that a lock pins, as far as they could be had; by sha256 of the artifact, projects by git tree. */
export interface LockedContents {
  artifacts: ReadonlyMap<string, ArtifactContents>
  trees: ReadonlyMap<string, ArtifactContents>
  /** Images of other recipes that files are taken from, by tree digest. */
  images: ReadonlyMap<string, FileTree>
  /** Artifacts that are neither in the store nor could be fetched: names, and why. */
  missing: { name: string; reason: string }[]
}
