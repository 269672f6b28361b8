import { hash } from 'node:crypto'
import { type SifFile, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { TreeNode } from '../../image/merge-layers.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { expectedConfig } from '../compare/compare-config.ts'
import type { Finding } from '../finding.ts'
import type { ExpectedFiles } from './expected-files.ts'

/** What a SIF has beside the files of an image, as far as that is known by its content. */
export interface SifAdditions {
  /** Paths that are as they should be, and what made them so. */
  explained: ReadonlyMap<string, 'stillroom' | 'Apptainer'>
  /** The tree without these. */
  root: TreeNode
}

/** What `export` adds to a locked image: by it Apptainer knows the environment and what to run. */
export function lockedSifFiles(recipe: Recipe, { base, image }: LockedPlatform): SifFile[] {
  return sifFiles({ ...expectedConfig(recipe, base), tasks: image?.sif?.tasks ?? {} })
}

/**
 * Tells what was added to an image in a SIF from the image itself. A path counts as added only when all of it, content,
 * mode, owner and, of what `export` writes, time, is as whoever adds it writes it.
 *
 * @param own what `export` adds, and the time that it gives it
 */
export function sifAdditions(
  root: TreeNode,
  own: readonly SifFile[],
  time: number | undefined,
): SifAdditions {
  const explained = new Map<string, 'stillroom' | 'Apptainer'>()
  const files = new Map(own.map((file) => [file.path, file]))
  const strip = (node: TreeNode, below: string): TreeNode => {
    if (node.children === undefined) return node
    const children = new Map<string, TreeNode>()
    for (const [name, child] of node.children) {
      const path = below === '' ? name : `${below}/${name}`
      // all that is added lies below these
      const isPlace = below !== '' || PLACES.has(name)
      const rest = isPlace ? strip(child, path) : child
      const isEmpty = rest.children === undefined || rest.children.size === 0
      const by = isPlace && isEmpty ? addedBy(path, child.inode, files, time) : undefined
      if (by === undefined) children.set(name, rest)
      else explained.set(path, by)
    }
    return { ...node, children }
  }
  return { root: strip(root, ''), explained }
}

/** Findings for what `export` adds and a SIF of the image lacks, without which Apptainer runs it otherwise. */
export function missingAdditions(own: readonly SifFile[], { explained }: SifAdditions): Finding[] {
  return own
    .filter(({ path, type }) => type === 'file' && !explained.has(path))
    .map(({ path, content, mode }) => ({
      rule: 'sif-settings',
      severity: 'error',
      subject: `/${path}`,
      message: 'the SIF does not have what the recipe says that a container is to run, as export writes it',
      expected: `sha256:${hash('sha256', content)}, ${content.length} bytes, mode ${octal(mode)}`,
    }))
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

const PLACES = new Set(['.singularity.d', 'scif'])
const octal = (mode: number) => mode.toString(8).padStart(4, '0')

function addedBy(
  path: string,
  inode: Inode,
  own: ReadonlyMap<string, SifFile>,
  time: number | undefined,
): 'stillroom' | 'Apptainer' | undefined {
  const { type, mode, uid, gid, xattrs, isShared, sha256, mtime } = inode
  if (uid !== 0 || gid !== 0 || xattrs.size > 0 || isShared === true) return undefined
  const file = own.get(path)
  if (file?.type !== type || file.mode !== mode || mtime !== time) return undefined
  return type === 'directory' || sha256 === hash('sha256', file.content) ? 'stillroom' : undefined
}
