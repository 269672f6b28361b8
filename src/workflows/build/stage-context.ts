import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pMap from 'p-map'
import type { ContextArtifacts, PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { debDataTar, uncompressDeb } from '../../formats/deb/deb-archive.ts'
import { uncompressed } from '../../formats/decompress.ts'
import { Budget } from '../../image/read-options.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import { diskError } from '../../store/disk.ts'
import type { Artifacts, Cache, Cancellation, Environment } from '../ports.ts'

const DAY = 86_400_000

/**
 * Puts a whole build context together in the cache: the generated files and the verified artifacts, as hard links;
 * .debs with their files uncompressed, so that this is done once and on all cores.
 * The directory is named by its content, so that a context is put together once and BuildKit finds the files that
 * it has seen before.
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
  if (existsSync(directory)) {
    const now = new Date()
    await utimes(directory, now, now)
    return directory
  }
  const temporary = join(root, `${id}.${randomUUID()}.tmp`)
  try {
    await mkdir(temporary, { recursive: true })
    await removeOld(root)
    await fill(temporary, ports, files, artifacts, repository, epoch)
    await rename(temporary, directory).catch(async (error: NodeJS.ErrnoException) => {
      // another run was faster
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } catch (error) {
    throw diskError(error, root)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return directory
}

async function fill(
  root: string,
  { store, env, signal }: Environment & Cancellation & Artifacts,
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
    if (artifact.origin.kind === 'debian') {
      await put(destination, await uncompressDeb(await readFile(store.path(artifact.sha256)), artifact.name))
    } else if (artifact.origin.kind === 'registry') {
      const layer = createReadStream(store.path(artifact.sha256))
      await put(destination, uncompressed(layer, new Budget({ signal })))
    } else {
      await mkdir(dirname(join(root, destination)), { recursive: true })
      await store.link(artifact.sha256, join(root, destination))
    }
  }
  await pMap(placed, place, { concurrency: 4 })
  for (const { artifact, destination } of seed) {
    signal.throwIfAborted()
    await put(destination, await debDataTar(await readFile(store.path(artifact.sha256)), artifact.name))
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
