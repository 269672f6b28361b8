import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { StillroomError } from '../../error.ts'
import { EXECUTABLE, GITLINK, type Leaf, objectId, SYMLINK, treeId } from '../../formats/git/git-object.ts'
import { TAR_END, type TarEntry, tarPadding } from '../../formats/tar/write-tar.ts'
import type { Snapshot } from './snapshot.ts'

/** What is archived: a snapshot, or the tree of a project. */
type Source = Omit<Snapshot, 'commit'>
type Header = (member: TarEntry) => Buffer
type LargeFile = (sha256: string) => string

/**
 * A tar of a snapshot, the same bytes for the same commit on every machine: files in git's order, submodules below
 * their paths, content of git-lfs instead of pointers; no filters.
 *
 * Each repository's tree is calculated again from the bytes that went into the archive.
 *
 * @param header the format of the tar
 * @param largeFile a file of this machine that holds the content with this sha256
 * @throws {StillroomError} GIT_OBJECT_INVALID when what was archived is not the tree
 */
export async function* archiveSnapshot(
  snapshot: Source,
  header: Header,
  largeFile: LargeFile = noFile,
): AsyncGenerator<Buffer> {
  yield* members(snapshot, '', header, largeFile)
  yield TAR_END
}

async function* members(
  { url, tree, reader, leaves, lfs, submodules }: Source,
  prefix: string,
  header: Header,
  largeFile: LargeFile,
): AsyncGenerator<Buffer> {
  const archived: Leaf[] = []
  for (const { mode, path: below, id } of leaves) {
    const path = `${prefix}${below}`
    if (mode === GITLINK) {
      yield header({ path, type: 'directory' })
      const inner = submodules.get(below)
      if (inner) yield* members(inner, `${path}/`, header, largeFile)
      archived.push({ mode, path: below, id: inner?.commit ?? id })
      continue
    }
    const content = await reader.read(id, 'blob')
    archived.push({ mode, path: below, id: objectId('blob', content, tree) })
    const large = lfs.get(below)
    if (mode === SYMLINK) yield header({ path, type: 'symlink', target: linkTarget(content, path, url) })
    else if (large) {
      yield header({ path, type: 'file', executable: mode === EXECUTABLE, size: large.size })
      yield* verified(createReadStream(largeFile(large.sha256)), large, path)
      yield tarPadding(large.size)
    } else {
      yield header({ path, type: 'file', executable: mode === EXECUTABLE, size: content.length })
      yield content
      yield tarPadding(content.length)
    }
  }
  const actual = treeId(archived, tree)
  if (actual !== tree) {
    throw new StillroomError(
      'GIT_OBJECT_INVALID',
      `what was archived of ${url} is tree ${actual}, expected ${tree}`,
    )
  }
}

function noFile(sha256: string): never {
  throw new StillroomError('GIT_LFS_GONE', `no content of git-lfs with sha256 ${sha256} was fetched`)
}

/** What cannot be a link's target would be cut off in a tar. */
function linkTarget(content: Buffer, path: string, url: string): string {
  if (content.length > 0 && !content.includes(0)) return content.toString('latin1')
  throw new StillroomError(
    'GIT_OBJECT_INVALID',
    `cannot use the repository ${url}: ${JSON.stringify(path)} is a symbolic link to no path`,
  )
}

async function* verified(
  source: AsyncIterable<Buffer>,
  { sha256, size }: { sha256: string; size: number },
  path: string,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of source) {
    hash.update(chunk)
    length += chunk.length
    yield chunk
  }
  const got = hash.digest('hex')
  if (got === sha256 && length === size) return
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `content of git-lfs for ${JSON.stringify(path)}: expected sha256 ${sha256} (${size} bytes), got ${got} (${length} bytes)`,
  )
}
