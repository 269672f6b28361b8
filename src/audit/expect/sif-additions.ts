import { hash } from 'node:crypto'
import { type SifFile, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { expectedConfig } from '../compare/compare-config.ts'
import type { Finding } from '../finding.ts'
import { APPTAINER_LINKS, DOCKER_ENVIRONMENT, isApptainers } from './apptainer-files.ts'
import type { ExpectedFiles } from './expected-files.ts'

type Maker = 'stillroom' | 'Apptainer'

/** What a SIF has beside the files of an image, as far as that is known by its content. */
export interface SifAdditions {
  /** Paths that are as they should be, and what made them so. */
  explained: ReadonlyMap<string, Maker>
  /** The tree without these. */
  root: TreeNode
}

/** What of a lock says what was added. */
export interface SifLock {
  recipe: Recipe
  locked: LockedPlatform
}

/**
 * Tells what was added to an image in a SIF from the image itself. A path counts as added only when all of it, content,
 * mode, owner and, of what `export` writes, time, is as whoever adds it writes it.
 *
 * @param lock what the image is compared with: by it is known what `export` adds, and what Apptainer makes of the settings
 */
export function sifAdditions(root: TreeNode, lock: SifLock | undefined): SifAdditions {
  const explained = new Map<string, Maker>()
  const own = new Map(lock && lockedSifFiles(lock).map((file) => [file.path, file]))
  const settings = lock && expectedConfig(lock.recipe, lock.locked.base)
  const addedBy = (path: string, inode: Inode): Maker | undefined => {
    const { type, mode, uid, gid, xattrs, isShared, sha256, mtime } = inode
    if (uid !== 0 || gid !== 0 || xattrs.size > 0 || isShared === true) return undefined
    const file = own.get(path)
    const isOwn = file?.type === type && file.mode === mode && mtime === lock?.locked.epoch
    if (isOwn && (type === 'directory' || sha256 === hash('sha256', file.content))) return 'stillroom'
    return isApptainers(path, inode, settings) ? 'Apptainer' : undefined
  }
  const strip = (node: TreeNode, below: string): TreeNode => {
    if (node.children === undefined) return node
    const children = new Map<string, TreeNode>()
    for (const [name, child] of node.children) {
      const path = below === '' ? name : `${below}/${name}`
      const isPlace = below !== '' || PLACES.has(name)
      const rest = isPlace ? strip(child, path) : child
      // a directory counts when all that is in it does
      const isEmpty = rest.children === undefined || rest.children.size === 0
      const by = isPlace && isEmpty ? addedBy(path, child.inode) : undefined
      if (by === undefined) children.set(name, rest)
      else explained.set(path, by)
    }
    return { inode: node.inode, children, ...(node.isUnclear && { isUnclear: true }) }
  }
  return { root: strip(root, ''), explained }
}

/** Names in the root that all that is added is, or lies below. */
const PLACES = new Set(['.singularity.d', 'scif', ...Object.keys(APPTAINER_LINKS)])

/** What `export` adds to a locked image: by it Apptainer knows the environment and what to run. */
function lockedSifFiles({ recipe, locked: { base, image } }: SifLock): SifFile[] {
  return sifFiles({ ...expectedConfig(recipe, base), tasks: image?.sif?.tasks ?? {} })
}

/**
 * Findings for what tells Apptainer the environment and what to run, where a SIF lacks it: it would run something else.
 * Where Apptainer built the SIF, it is there in Apptainer's own form, and there are no apps.
 */
export function missingAdditions(lock: SifLock, { explained }: SifAdditions): Finding[] {
  const isBuilt = explained.get(DOCKER_ENVIRONMENT) === 'Apptainer'
  const isThere = (path: string) =>
    isBuilt ? path.startsWith('scif/') || explained.has(path) : explained.get(path) === 'stillroom'
  return lockedSifFiles(lock)
    .filter(({ path, type }) => type === 'file' && !isThere(path))
    .map(({ path, content, mode }) => ({
      rule: 'sif-settings',
      severity: 'error',
      subject: `/${path}`,
      message: 'the SIF does not say what a container is to run, as the lockfile has it',
      expected: `sha256:${hash('sha256', content)}, ${content.length} bytes, mode ${mode.toString(8).padStart(4, '0')}`,
    }))
}

/**
 * Whether a path, as findings show it, is one of the empty files that Apptainer adds where an image has none of the name: it
 * mounts the host's over them.
 */
export function isMountPoint(subject: string, tree: FileTree): boolean {
  if (subject !== '/etc/hosts' && subject !== '/etc/resolv.conf') return false
  const inode = tree.findLink(subject)?.inode
  return (
    inode?.type === 'file' && inode.size === 0 && inode.mode === 0o644 && inode.uid === 0 && inode.gid === 0
  )
}

/** Makes what was added known by its owner. */
export function expectAdditions(expected: ExpectedFiles, tree: FileTree, { explained }: SifAdditions): void {
  for (const [path, owner] of explained) {
    const inode = tree.findLink(path)?.inode
    if (inode === undefined) continue
    const { type, mode, uid, gid, target, sha256 } = inode
    const digest = type === 'file' ? { digest: { algorithm: 'sha256' as const, value: sha256 } } : {}
    const generated = owner === 'Apptainer' ? 'added by Apptainer' : 'added for Apptainer'
    expected.add(path, {
      owner,
      generated,
      type,
      mode,
      uid,
      gid,
      ...(type === 'symlink' && { target }),
      ...digest,
    })
  }
}
