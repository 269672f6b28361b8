import { createHash } from 'node:crypto'
import type { IndexEntry } from '../formats/git/git-index.ts'
import type { FileTree } from '../image/file-tree.ts'

/** What became of an index's paths in the work tree. */
export interface WorkTree {
  modified: string[]
  /** Paths whose content was not hashed while the image was read. */
  unknown: string[]
}

/**
 * Holds each path of the index against the work tree as `git diff-files` does, by content and not by times. Contents
 * are taken as they are: no filter, no change of line ends.
 */
export function compareWorkTree(
  tree: FileTree,
  workTree: string,
  entries: readonly IndexEntry[],
  hash: 'sha1' | 'sha256',
  fileMode: boolean,
): WorkTree {
  const result: WorkTree = { modified: [], unknown: [] }
  for (const entry of entries) {
    const path = joinPath(workTree, entry.path)
    // a link among the parents leads elsewhere: git counts the path as deleted
    const found = tree.findLink(path)
    const inode = found?.path === path ? found.inode : undefined
    const type = entry.mode >> 12
    // a submodule is a checkout of its own
    if (type === 0o16) continue
    if (inode === undefined) {
      if (!entry.skipWorktree) result.modified.push(path)
      continue
    }
    const expected = type === 0o12 ? 'symlink' : 'file'
    const isExecutable = (inode.mode & 0o100) !== 0
    const modeDiffers = expected === 'file' && fileMode && isExecutable !== ((entry.mode & 0o100) !== 0)
    if (entry.stage !== 0 || inode.type !== expected || modeDiffers) {
      result.modified.push(path)
      continue
    }
    const content = expected === 'symlink' ? Buffer.from(inode.target, 'latin1') : inode.content
    const object =
      content !== undefined ? blobName(content, hash) : hash === 'sha1' ? inode.gitBlob : undefined
    if (object === undefined) result.unknown.push(path)
    else if (object !== entry.object) result.modified.push(path)
  }
  result.modified = [...new Set(result.modified)]
  return result
}

export const joinPath = (directory: string, path: string) =>
  directory === '' ? path : `${directory}/${path}`

function blobName(content: Buffer, hash: 'sha1' | 'sha256'): string {
  return createHash(hash).update(`blob ${content.length}\0`).update(content).digest('hex')
}
