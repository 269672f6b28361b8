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
import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { StillroomError } from '../../error.ts'
import type { PythonAbi } from '../../formats/python/byte-code.ts'
import { readFileAt } from '../../formats/read-at.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import type { Artifact } from '../../store/artifact.ts'
import { diskError, hashPath, writeFileAtomic } from '../../store/disk.ts'
import type { Artifacts, Cache, Cancellation, Environment } from '../ports.ts'
import type { DerivedFiles } from './derived-files.ts'
import { derivedFiles, type Placement, placementsOf } from './placements.ts'

const DAY = 86_400_000

/** A build context in the cache. */
export interface StagedContext {
  directory: string
  /** Files of it that are artifacts, or made of one, and that nobody has looked into: see `verifyContext`. */
  artifacts: readonly StagedArtifact[]
}

export interface StagedArtifact {
  artifact: Artifact
  /** Absolute. */
  path: string
  /** That it is to have. */
  sha256: string
  /** Under which name it is kept when it is made of the artifact. */
  key: string | undefined
}

/**
 * Puts a whole build context together in the cache: the generated files, and the artifacts as hard links;
 * .debs with their files compressed little, so that xz is read once and on all cores. What they hold is kept for audits meanwhile.
 * The directory is named by its content, so that a context is put together once. What was generated is hashed before it is
 * used again: a damaged one is put together again. Files of equal path, size and time are equal: see `builderPath`.
 *
 * @param repository a directory of the git repository that holds the project trees
 * @param python the one that audits of these artifacts know byte code of
 * @param verified digests of artifacts that need not be verified before something is made of them
 */
export async function stageContext(
  ports: Environment & Cancellation & Cache & Artifacts,
  files: ContextFiles,
  artifacts: ContextArtifacts,
  repository: string,
  epoch: number,
  python?: PythonAbi,
  verified: ReadonlySet<string> = new Set(),
): Promise<StagedContext> {
  const root = join(ports.cache, 'contexts')
  const id = createHash('sha256')
    .update(JSON.stringify([FORMAT, [...files], artifacts]))
    .digest('hex')
    .slice(0, 32)
  const directory = join(root, id)
  const placements = placementsOf(artifacts)
  const staged = (digests: ReadonlyMap<string, string>) => ({
    directory,
    artifacts: placements.map(({ artifact, destination, made }) => ({
      ...{ artifact, path: join(directory, destination), key: made?.key },
      sha256: made ? (digests.get(destination) ?? '') : artifact.sha256,
    })),
  })
  const present = await digestsAsStaged(directory, new Set(placements.map(({ destination }) => destination)))
  if (present) {
    const now = new Date()
    for (const path of [directory, listOf(directory)]) await utimes(path, now, now)
    return staged(present)
  }
  const temporary = join(root, `${id}.${randomUUID()}.tmp`)
  try {
    await mkdir(temporary, { recursive: true })
    const derived = derivedFiles(ports)
    await removeOld(root)
    await derived.removeUnused(new Date(Date.now() - DAY))
    const digests = await place(temporary, { ...ports, derived, verified, python }, placements)
    await write(temporary, ports, files, artifacts, { repository, epoch, digests })
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
    return staged(digests)
  } catch (error) {
    throw diskError(error, root)
  } finally {
    for (const path of [temporary, `${temporary}.old`]) await rm(path, { recursive: true, force: true })
  }
}

/** Raised when files of a context are put there in another way. */
const FORMAT = 3

/** Beside a context: sha256, permissions and path of each of its files, a line each, as it was put together. */
export const listOf = (directory: string) => `${directory}.list`

/**
 * The digests of a context's files, by path, when it is there and each of its files, and no other, is what was put there.
 *
 * @param unread paths of files that are not looked into
 */
async function digestsAsStaged(
  directory: string,
  unread: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string> | undefined> {
  const list = await readFile(listOf(directory), 'utf8').catch(() => undefined)
  if (list === undefined) return undefined
  const digests = new Map<string, string>()
  for (const line of list.split('\n')) {
    const [, sha256 = '', path = ''] = /^(\S+) \S+ (.*)$/.exec(line) ?? []
    digests.set(path, sha256)
  }
  const known = new Map([...digests].filter(([path]) => unread.has(path)))
  const present = await listFiles(directory, known).catch(() => undefined)
  return present === list ? digests : undefined
}

/** @param known digests of files, by path, that need not be taken again */
async function listFiles(directory: string, known: ReadonlyMap<string, string>): Promise<string> {
  const names = (await readdir(directory, { recursive: true })).sort()
  const lines = await pMap(
    names,
    async (name) => {
      const path = join(directory, name)
      const { mode } = await lstat(path)
      return `${known.get(name) ?? (await digestEntry(path, mode))} ${mode.toString(8)} ${name}\n`
    },
    { concurrency: 4 },
  )
  return lines.join('')
}

/** Of what is no regular file, the kind is all that counts: nothing but directories is put there. */
async function digestEntry(path: string, mode: number): Promise<string> {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return '-'
  return (await hashPath(path)).sha256
}

/** Puts the artifacts in place; returns the digests that their files are to have, by path. */
async function place(
  root: string,
  ports: Cancellation &
    Cache &
    Artifacts & { derived: DerivedFiles; verified: ReadonlySet<string>; python: PythonAbi | undefined },
  placements: readonly Placement[],
): Promise<Map<string, string>> {
  const { store, derived, verified, signal } = ports
  const digests = new Map<string, string>()
  await eachToItsEnd(placements, async ({ artifact, destination, made }) => {
    signal.throwIfAborted()
    const { sha256, name } = artifact
    const path = join(root, destination)
    await mkdir(dirname(path), { recursive: true })
    const make = async (file: FileHandle) => {
      if (!verified.has(sha256) && !(await store.verify(artifact)))
        throw new StillroomError('ARTIFACT_MISMATCH', `the store's copy of ${name} is damaged, or gone`, {
          hint: 'run again: it is fetched again',
        })
      await using source = await open(store.path(sha256))
      await made?.write(readFileAt(source), file, ports)
    }
    if (made) digests.set(destination, await derived.place(made.key, make, path))
    else {
      await store.link(sha256, path)
      digests.set(destination, sha256)
    }
    await tellTimeApart(path, sha256)
  })
  return digests
}

/** Writes what is no artifact, and adds its digests to those that are known. */
async function write(
  root: string,
  { env, signal }: Environment & Cancellation,
  files: ContextFiles,
  { projects, directories }: ContextArtifacts,
  { repository, epoch, digests }: { repository: string; epoch: number; digests: Map<string, string> },
): Promise<void> {
  const put = async (path: string, content: string | AsyncIterable<Uint8Array>) => {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    const { sha256 } = await hashPath(file)
    const time = timeOf(sha256)
    await utimes(file, time, time)
    digests.set(path, sha256)
  }
  for (const directory of directories) await mkdir(join(root, directory), { recursive: true })
  for (const [path, text] of files) await put(path, text)
  for (const { destination, epoch: own = epoch, ...project } of projects)
    await put(destination, archiveProject(gitRunner({ env, signal }), repository, project, own))
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
