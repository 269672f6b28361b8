import { createHash, randomUUID } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pMap from 'p-map'
import type { ContextArtifacts, PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { debDataTar, uncompressDeb } from '../../formats/deb/deb-archive.ts'
import { uncompressed } from '../../formats/decompress.ts'
import { Budget } from '../../image/read-options.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import { diskError, hashFile, writeFileAtomic } from '../../store/disk.ts'
import type { Artifacts, Cache, Cancellation, Environment } from '../ports.ts'
import { DerivedFiles } from './derived-files.ts'

const DAY = 86_400_000

/**
 * Puts a whole build context together in the cache: the generated files and the verified artifacts, as hard links;
 * .debs with their files uncompressed, so that this is done once and on all cores.
 * The directory is named by its content, so that a context is put together once and BuildKit finds the files that
 * it has seen before. One that is there is hashed before it is used: a damaged one is put together again.
 *
 * @param repository a directory of the git repository that holds the project trees
 * @returns the directory
 */
export async function stageContext(
  ports: Environment & Cancellation & Cache & Artifacts,
  files: ContextFiles,
  artifacts: ContextArtifacts,
  repository: string,
  epoch: number,
): Promise<string> {
  const root = join(ports.cache, 'contexts')
  const id = createHash('sha256')
    .update(JSON.stringify([[...files], artifacts]))
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
    await fill(temporary, { ...ports, derived }, files, artifacts, repository, epoch)
    const list = await listFiles(temporary)
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

/** Beside a context: sha256, permissions and path of each of its files, a line each, as it was put together. */
const listOf = (directory: string) => `${directory}.list`

/** Whether a context is there, and each of its files, and no other, is what was put there. */
async function isAsStaged(directory: string): Promise<boolean> {
  const list = await readFile(listOf(directory), 'utf8').catch(() => undefined)
  if (list === undefined) return false
  const present = await listFiles(directory).catch(() => undefined)
  return present === list
}

async function listFiles(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true })).sort()
  const lines = await pMap(
    names,
    async (name) => {
      const path = join(directory, name)
      const { mode } = await lstat(path)
      return `${await digestEntry(path, mode)} ${mode.toString(8)} ${name}\n`
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

async function fill(
  root: string,
  { store, derived, env, signal }: Environment & Cancellation & Artifacts & { derived: DerivedFiles },
  files: ContextFiles,
  { files: placed, seed, projects, directories }: ContextArtifacts,
  repository: string,
  epoch: number,
): Promise<void> {
  const put = async (path: string, content: string | Uint8Array | AsyncIterable<Uint8Array>) => {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    await utimes(file, epoch, epoch)
  }
  for (const directory of directories) await mkdir(join(root, directory), { recursive: true })
  for (const [path, text] of files) await put(path, text)
  const place = async ({ artifact, destination }: PlacedArtifact) => {
    signal.throwIfAborted()
    const { sha256, name, origin } = artifact
    const path = join(root, destination)
    await mkdir(dirname(path), { recursive: true })
    if (origin.kind === 'debian')
      await derived.place(
        `deb-${sha256}`,
        async () => uncompressDeb(await readFile(store.path(sha256)), name),
        path,
      )
    else if (origin.kind === 'registry')
      await derived.place(
        `layer-${sha256}`,
        async () => uncompressed(createReadStream(store.path(sha256)), new Budget({ signal })),
        path,
      )
    else await store.link(sha256, path)
  }
  await pMap(placed, place, { concurrency: 4 })
  for (const {
    artifact: { sha256, name },
    destination,
  } of seed) {
    signal.throwIfAborted()
    const path = join(root, destination)
    await mkdir(dirname(path), { recursive: true })
    await derived.place(
      `data-${sha256}`,
      async () => debDataTar(await readFile(store.path(sha256)), name),
      path,
    )
  }
  for (const { tree, destination } of projects)
    await put(destination, archiveProject(gitRunner({ env, signal }), repository, tree, epoch))
}

/** Contexts that no build has used for a day. */
async function removeOld(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name)
    const entry = await stat(path).catch(() => undefined)
    if (entry && Date.now() - entry.mtimeMs > DAY) await rm(path, { recursive: true, force: true })
  }
}
