import { StillroomError } from '../../error.ts'
import {
  DIRECTORY,
  EXECUTABLE,
  GITLINK,
  type Leaf,
  parseTree,
  SYMLINK,
} from '../../formats/git/git-object.ts'
import type { LfsFile, LockedSubmodule } from '../../lock/schema.ts'
import { lfsFiles, POINTER_LIMIT, parsePointer } from './lfs-pointer.ts'
import { ObjectReader } from './object-reader.ts'
import { type FetchOptions, fetchCommit } from './remote-repository.ts'
import { readSubmodules } from './submodules.ts'

/** One repository at one commit, and those within it; all of it verified down to its trees. */
export interface Snapshot {
  url: string
  commit: string
  tree: string
  reader: ObjectReader
  /** In git's order. */
  leaves: Leaf[]
  /** Files of this repository that git-lfs keeps, by path. */
  lfs: Map<string, LfsFile>
  /** By path; those that are not taken are missing. */
  submodules: Map<string, Snapshot>
}

export interface SnapshotOptions extends FetchOptions {
  /** For what is fetched; its owner removes it. */
  directory: string
  /** Where a repository may be had, best first. */
  sourcesOf: (url: string) => string[]
  submodules: boolean
  lfs: boolean
  /** Every reader that was opened, to be closed. */
  readers: ObjectReader[]
}

/** A tree deeper than this, or submodules within submodules, is not a real repository's. */
const DEPTH = 100
const SUBMODULE_DEPTH = 10

/** @throws {StillroomError} GIT_* */
export async function takeSnapshot(
  url: string,
  commit: string,
  options: SnapshotOptions,
  depth = 0,
): Promise<Snapshot> {
  if (depth > SUBMODULE_DEPTH) throw invalid(url, `submodules lie more than ${SUBMODULE_DEPTH} deep`)
  const directory = await fetchCommit(options.directory, options.sourcesOf(url), commit, options)
  const reader = new ObjectReader(directory, options)
  options.readers.push(reader)
  const header = (await reader.read(commit, 'commit')).toString('latin1')
  const tree = /^tree ([0-9a-f]+)\n/.exec(header)?.[1]
  if (tree === undefined || tree.length !== commit.length)
    throw invalid(url, `commit ${commit} names no tree`)
  const leaves = await readLeaves(reader, tree, url)
  return {
    url,
    commit,
    tree,
    reader,
    leaves,
    lfs: options.lfs ? await readPointers(directory, tree, leaves, reader, options) : new Map(),
    submodules: options.submodules ? await takeSubmodules(directory, url, leaves, options, depth) : new Map(),
  }
}

/** What a lock says of a snapshot's parts; paths below the outermost repository's root. */
export function pinsOf(snapshot: Snapshot, prefix = ''): { submodules: LockedSubmodule[]; lfs: LfsFile[] } {
  const within = [...snapshot.submodules].map(([path, { url, commit, tree }]) => {
    return { path: textPath(`${prefix}${path}`, snapshot.url), url, commit, tree }
  })
  const files = [...snapshot.lfs.values()].map((file) => {
    return { ...file, path: textPath(`${prefix}${file.path}`, snapshot.url) }
  })
  const deeper = [...snapshot.submodules].map(([path, inner]) => pinsOf(inner, `${prefix}${path}/`))
  return {
    submodules: [...within, ...deeper.flatMap(({ submodules }) => submodules)],
    lfs: [...files, ...deeper.flatMap(({ lfs }) => lfs)],
  }
}

/** All files of a tree and of its directories, in git's order. @throws {StillroomError} GIT_OBJECT_INVALID */
export async function readLeaves(reader: ObjectReader, tree: string, url: string): Promise<Leaf[]> {
  const leaves: Leaf[] = []
  const walk = async (id: string, prefix: string, depth: number): Promise<void> => {
    if (depth > DEPTH) throw invalid(url, `its directories lie more than ${DEPTH} deep`)
    const entries = parseTree(await reader.read(id, 'tree'), id.length)
    if (entries === undefined) throw invalid(url, `tree ${id} is damaged`)
    const names = new Set<string>()
    for (const { mode, name, id: child } of entries) {
      const path = `${prefix}${name}`
      // what no checkout of git's would make, and a tar might put elsewhere
      if (/^(\.{0,2}|\.git)$/i.test(name) || name.includes('/') || names.has(name))
        throw invalid(url, `its tree has the name ${JSON.stringify(path)}`)
      names.add(name)
      if (mode === DIRECTORY) await walk(child, `${path}/`, depth + 1)
      else if (isLeaf(mode)) leaves.push({ mode, path, id: child })
      else throw invalid(url, `${JSON.stringify(path)} has the mode ${mode.toString(8)}`)
    }
  }
  await walk(tree, '', 0)
  return leaves
}

/** 0100664 is of git's first years. */
function isLeaf(mode: number): boolean {
  return [0o100644, 0o100664, EXECUTABLE, SYMLINK, GITLINK].includes(mode)
}

async function readPointers(
  directory: string,
  tree: string,
  leaves: readonly Leaf[],
  reader: ObjectReader,
  options: SnapshotOptions,
): Promise<Map<string, LfsFile>> {
  const files = leaves.filter(({ mode }) => mode !== SYMLINK && mode !== GITLINK)
  const found = new Map<string, LfsFile>()
  for (const { path, id } of await lfsFiles(directory, tree, files, options)) {
    const content = await reader.read(id, 'blob')
    // a file that was committed as it is, without git-lfs, is not a pointer
    const pointer = content.length < POINTER_LIMIT ? parsePointer(content) : undefined
    if (pointer) found.set(path, { path, size: pointer.size, sha256: pointer.oid })
  }
  return found
}

async function takeSubmodules(
  directory: string,
  url: string,
  leaves: readonly Leaf[],
  options: SnapshotOptions,
  depth: number,
): Promise<Map<string, Snapshot>> {
  const links = leaves.filter(({ mode }) => mode === GITLINK)
  const found = new Map<string, Snapshot>()
  if (links.length === 0) return found
  const modules = leaves.find(({ path, mode }) => path === '.gitmodules' && mode !== SYMLINK)
  const urls = modules ? await readSubmodules(directory, modules.id, url, options) : new Map<string, string>()
  for (const { path, id } of links) {
    const address = urls.get(path)
    if (address === undefined) {
      throw new StillroomError(
        'GIT_SUBMODULE_INVALID',
        `${url} holds a submodule at ${JSON.stringify(path)} that its .gitmodules does not name`,
        { hint: 'set submodules: false in the recipe, or fix .gitmodules' },
      )
    }
    found.set(path, await takeSnapshot(address, id, options, depth + 1))
  }
  return found
}

/** A lock is text. */
function textPath(path: string, url: string): string {
  const bytes = Buffer.from(path, 'latin1')
  const text = bytes.toString('utf8')
  if (bytes.equals(Buffer.from(text, 'utf8'))) return text
  throw invalid(url, `the path ${JSON.stringify(path)} of a submodule or git-lfs file is not UTF-8`)
}

function invalid(url: string, reason: string): StillroomError {
  return new StillroomError('GIT_OBJECT_INVALID', `cannot use the repository ${url}: ${reason}`)
}
