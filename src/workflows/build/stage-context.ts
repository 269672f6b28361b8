import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pMap from 'p-map'
import type { ContextArtifacts, PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { StillroomError } from '../../error.ts'
import { compressLittle, debDataTar, repackDeb } from '../../formats/deb/deb-archive.ts'
import { uncompressed } from '../../formats/decompress.ts'
import type { PythonAbi } from '../../formats/python/byte-code.ts'
import { piecesOf, type ReadAt, readFileAt } from '../../formats/read-at.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { Budget } from '../../image/read-options.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import type { Artifact } from '../../store/artifact.ts'
import { diskError, hashFile, writeFileAtomic } from '../../store/disk.ts'
import { hasContents, keepContents } from '../audit/artifact-contents.ts'
import { TarContents } from '../audit/contents-reader.ts'
import { readDebControl } from '../audit/read-artifact.ts'
import { contentsKey } from '../audit/read-locked-contents.ts'
import type { Artifacts, Cache, Cancellation, Environment } from '../ports.ts'
import { DerivedFiles } from './derived-files.ts'

const DAY = 86_400_000

/**
 * Puts a whole build context together in the cache: the generated files and the verified artifacts, as hard links;
 * .debs with their files compressed little, so that xz is read once and on all cores. What they hold is kept for audits meanwhile.
 * The directory is named by its content, so that a context is put together once. One that is there is hashed before it is
 * used: a damaged one is put together again. Files of equal path, size and time are equal: see `builderPath`.
 *
 * @param repository a directory of the git repository that holds the project trees
 * @param python the one that audits of these artifacts know byte code of
 * @returns the directory
 */
export async function stageContext(
  ports: Environment & Cancellation & Cache & Artifacts,
  files: ContextFiles,
  artifacts: ContextArtifacts,
  repository: string,
  epoch: number,
  python?: PythonAbi,
): Promise<string> {
  const root = join(ports.cache, 'contexts')
  const id = createHash('sha256')
    .update(JSON.stringify([FORMAT, [...files], artifacts]))
    .digest('hex')
    .slice(0, 32)
  const directory = join(root, id)
  if (await isAsStaged(directory)) {
    const now = new Date()
    for (const path of [directory, listOf(directory)]) await utimes(path, now, now)
    return directory
  }
  const temporary = join(root, `${id}.${randomUUID()}.tmp`)
  try {
    await mkdir(temporary, { recursive: true })
    const derived = new DerivedFiles(join(ports.cache, 'derived'))
    await removeOld(root)
    await derived.removeUnused(new Date(Date.now() - DAY))
    const digests = await fill(temporary, { ...ports, derived }, files, artifacts, repository, epoch, python)
    const list = await listFiles(temporary, digests)
    // one that is there is damaged, or was made by another run meanwhile, which is as good
    await rename(directory, `${temporary}.old`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    await writeFileAtomic(listOf(directory), list)
    await rename(temporary, directory).catch(async (error: NodeJS.ErrnoException) => {
      // another run was faster
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } catch (error) {
    throw diskError(error, root)
  } finally {
    for (const path of [temporary, `${temporary}.old`]) await rm(path, { recursive: true, force: true })
  }
  return directory
}

/** Raised when files of a context are put there in another way. */
const FORMAT = 3

/** Beside a context: sha256, permissions and path of each of its files, a line each, as it was put together. */
const listOf = (directory: string) => `${directory}.list`

/** Whether a context is there, and each of its files, and no other, is what was put there. */
async function isAsStaged(directory: string): Promise<boolean> {
  const list = await readFile(listOf(directory), 'utf8').catch(() => undefined)
  if (list === undefined) return false
  const present = await listFiles(directory).catch(() => undefined)
  return present === list
}

/** @param known digests of files, by path, that need not be taken again */
async function listFiles(directory: string, known?: ReadonlyMap<string, string>): Promise<string> {
  const names = (await readdir(directory, { recursive: true })).sort()
  const lines = await pMap(
    names,
    async (name) => {
      const path = join(directory, name)
      const { mode } = await lstat(path)
      return `${known?.get(name) ?? (await digestEntry(path, mode))} ${mode.toString(8)} ${name}\n`
    },
    { concurrency: 4 },
  )
  return lines.join('')
}

/** Of what is no regular file, the kind is all that counts: nothing but directories is put there. */
async function digestEntry(path: string, mode: number): Promise<string> {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return '-'
  await using handle = await open(path, 'r')
  return (await hashFile(handle)).sha256
}

/** Puts all files in place; returns the digests of those that were taken, by path. */
async function fill(
  root: string,
  ports: Environment & Cancellation & Cache & Artifacts & { derived: DerivedFiles },
  files: ContextFiles,
  { files: placed, seed, projects, directories }: ContextArtifacts,
  repository: string,
  epoch: number,
  python: PythonAbi | undefined,
): Promise<Map<string, string>> {
  const { store, derived, env, signal } = ports
  const digests = new Map<string, string>()
  const put = async (path: string, content: string | AsyncIterable<Uint8Array>) => {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    await using handle = await open(file, 'r')
    const { sha256 } = await hashFile(handle)
    const time = timeOf(sha256)
    await utimes(file, time, time)
    digests.set(path, sha256)
  }
  for (const directory of directories) await mkdir(join(root, directory), { recursive: true })
  for (const [path, text] of files) await put(path, text)
  const format = debFormat(placed)
  const place = async ({ artifact, destination }: PlacedArtifact) => {
    signal.throwIfAborted()
    const { sha256, size, origin } = artifact
    const path = join(root, destination)
    await mkdir(dirname(path), { recursive: true })
    const make = async (file: FileHandle) => {
      await using source = await open(store.path(sha256))
      if (origin.kind === 'debian')
        await repackAndRead(ports, artifact, readFileAt(source), format, file, python)
      else await writeFile(file, uncompressed(piecesOf(readFileAt(source), size), new Budget({ signal })))
    }
    const key = derivedKey(artifact, format)
    if (key !== undefined) digests.set(destination, await derived.place(key, make, path))
    else {
      // verified when it was fetched
      await store.link(sha256, path)
      digests.set(destination, sha256)
    }
    await tellTimeApart(path, sha256)
  }
  await eachToItsEnd(placed, place)
  for (const {
    artifact: { sha256, size, name },
    destination,
  } of seed) {
    signal.throwIfAborted()
    const path = join(root, destination)
    await mkdir(dirname(path), { recursive: true })
    const data = async (file: FileHandle) => {
      await using source = await open(store.path(sha256))
      await writeFile(file, compressLittle(debDataTar(readFileAt(source), size, name), 'gzip'))
    }
    digests.set(destination, await derived.place(`data-gzip-${sha256}`, data, path))
  }
  for (const { destination, epoch: own = epoch, ...project } of projects)
    await put(destination, archiveProject(gitRunner({ env, signal }), repository, project, own))
  return digests
}

/**
 * Keeps what the .deb holds, so that an audit need not unpack it once more: it was verified when it was fetched. What cannot be read
 * is left to that audit, which says so.
 */
async function repackAndRead(
  ports: Cache,
  { sha256, size, name }: Artifact,
  read: ReadAt,
  format: 'gzip' | 'zstd',
  file: FileHandle,
  python: PythonAbi | undefined,
): Promise<void> {
  const key = contentsKey(sha256, python)
  if (await hasContents(ports, key)) return repackDeb(read, size, name, format, file)
  let tar: TarContents | undefined = new TarContents(python)
  await repackDeb(read, size, name, format, file, (bytes) => {
    try {
      tar?.write(bytes)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      tar = undefined
    }
  })
  try {
    const control = await readDebControl(read, size, name)
    if (tar) await keepContents(ports, key, { ...tar.contents(), control })
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
  }
}

/** Begins none after one that failed, and ends when all that began have: nothing is written to what is removed then. */
async function eachToItsEnd<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  const unlessFailed = async (item: T) => {
    if (failures.length === 0) await act(item).catch((error) => failures.push(error))
  }
  await pMap(items, unlessFailed, { concurrency: 4 })
  if (failures.length > 0) throw failures[0]
}

/** The first version of dpkg that reads zstd. */
const READS_ZSTD = '1.21.18'

/** How .debs are compressed for the dpkg of a context: so that it reads them soon, and they take little of three disks. */
export function debFormat(placed: readonly PlacedArtifact[]): 'gzip' | 'zstd' {
  const versions = placed.flatMap(({ artifact: { name } }) => /^dpkg (\S+) /.exec(name)?.[1] ?? [])
  return versions.length > 0 && versions.every((version) => compareDebian(version, READS_ZSTD) >= 0)
    ? 'zstd'
    : 'gzip'
}

/** Under which name the file is kept that is made of an artifact; undefined of one that is taken as it is. */
export function derivedKey({ sha256, origin }: Artifact, format: 'gzip' | 'zstd'): string | undefined {
  if (origin.kind === 'debian') return `deb-${format}-${sha256}`
  return origin.kind === 'registry' ? `layer-${sha256}` : undefined
}

/** A time that follows from the content alone, in seconds since 1970: files that differ differ in it. */
const timeOf = (sha256: string) => Number.parseInt(sha256.slice(0, 13), 16) / 2 ** 21

/** Restored stores may have files of one second: fractions of it that follow from what they hold tell them apart. */
async function tellTimeApart(path: string, sha256: string): Promise<void> {
  const { mtimeMs } = await stat(path)
  if (mtimeMs % 1000 !== 0) return
  const time = mtimeMs / 1000 + (Number.parseInt(sha256.slice(0, 5), 16) + 1) / 2 ** 21
  // a store of somebody else's: what it holds was put there once
  await utimes(path, time, time).catch(() => {})
}

/** Contexts that no build has used for a day. */
async function removeOld(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name)
    const entry = await stat(path).catch(() => undefined)
    if (entry && Date.now() - entry.mtimeMs > DAY) await rm(path, { recursive: true, force: true })
  }
}
