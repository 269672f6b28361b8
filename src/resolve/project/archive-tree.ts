import { pack } from 'tar-stream'
import { StillroomError } from '../../error.ts'
import { git } from './git.ts'

/**
 * A tar of a git tree, the same bytes for the same tree on every machine: entries in git's order, owner 0, no
 * attributes or filters applied.
 *
 * @param directory any directory of the repository
 * @param epoch time of every entry, in seconds
 * @throws {StillroomError} PROJECT_TREE_GONE when the repository does not have the tree; PROJECT_NOT_FOUND when it
 *   holds a submodule
 */
export async function archiveTree(
  directory: string,
  tree: string,
  epoch: number,
): Promise<AsyncIterable<Uint8Array>> {
  const listing = await git(directory, ['ls-tree', '-r', '-z', '--full-tree', tree])
  if (listing === undefined) {
    throw new StillroomError('PROJECT_TREE_GONE', `this repository does not have the locked tree ${tree}`, {
      hint: 'fetch the history it is in (git fetch --unshallow), or lock again: stillroom lock recipe NAME',
    })
  }
  const { execa } = await import('execa')
  const archive = pack()
  const mtime = new Date(epoch * 1000)
  for (const line of listing.split('\0').filter((text) => text !== '')) {
    const [, mode, kind, object, name] = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) as unknown as string[]
    if (kind !== 'blob') {
      throw new StillroomError(
        'PROJECT_NOT_FOUND',
        `project tree ${tree} holds a submodule at "${name}", which is not supported`,
        {
          hint: 'vendor its files, or take it out of the project',
        },
      )
    }
    const { stdout } = await execa('git', ['-C', directory, 'cat-file', 'blob', object as string], {
      encoding: 'buffer',
      stripFinalNewline: false,
    })
    const content = Buffer.from(stdout)
    if (mode === '120000') {
      archive.entry({ name: name as string, type: 'symlink', linkname: content.toString('utf8'), mtime })
    } else {
      archive.entry({ name: name as string, mode: mode === '100755' ? 0o755 : 0o644, mtime }, content)
    }
  }
  archive.finalize()
  return archive as AsyncIterable<Uint8Array>
}
