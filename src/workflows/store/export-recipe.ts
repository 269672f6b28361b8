import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { requireFresh } from '../../lock/compare-inputs.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import { diskError, writeFileAtomic } from '../../store/disk.ts'
import { recordUse } from '../../store/uses.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import { renderGenerated, requireGenerated } from '../project/generated.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { ARCHIVE_VERSION, type ArchiveManifest, MANIFEST } from './archive-manifest.ts'
import { lockedDigests } from './locked-digests.ts'

export interface ExportResult {
  recipe: string
  file: string
  /** In bytes. */
  size: number
  /** Of the archive; also written to FILE.sha256, for `sha256sum --check`. */
  sha256: string
  artifacts: number
  /** The image that the archive gives; null when none has been recorded. */
  image: string | null
}

/** One file of the archive: its bytes when they are at hand, or where they lie. */
interface Member {
  path: string
  mode: number
  size: number
  sha256: string
  content: Uint8Array | { file: string }
}

/**
 * Writes everything a rebuild needs into one tar: recipe, lockfile, and the build context with all artifacts, so that
 * `docker buildx build` works in it with neither network nor stillroom. The same lock gives the same bytes.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, GENERATED_STALE; those of fetching; DISK_FULL, NOT_WRITABLE
 */
export async function exportRecipe(session: Session, name: string, file: string): Promise<ExportResult> {
  const { directory, progress } = session
  progress({ kind: 'stage', title: `reading recipe ${name}` })
  const loaded = await loadInputs(session, name)
  const lock = await requireLock(directory, name)
  requireFresh(lock, loaded.inputs)
  const locked = lockedPlatform(lock, loaded.recipe)
  const generated = await renderGenerated(name, loaded.recipe, locked)
  await requireGenerated(directory, name, generated)
  const artifacts = contextArtifacts(locked)
  progress({ kind: 'stage', title: 'fetching artifacts' })
  await recordUse(session.store.directory, name, lockedDigests(locked))
  await fetchInputs(session, artifacts, locked)

  progress({ kind: 'stage', title: `writing ${file}` })
  const members: Member[] = []
  for (const part of ['recipe.ts', 'lock.json']) {
    members.push(member(`recipe/${part}`, await readFile(join(loaded.directory, part))))
  }
  for (const [path, text] of generated) {
    members.push(member(`context/${path}`, Buffer.from(text), path.endsWith('.sh') ? 0o755 : 0o644))
  }
  for (const { tree, destination } of artifacts.projects) {
    const chunks: Uint8Array[] = []
    for await (const chunk of archiveProject(gitRunner(session), loaded.directory, tree, locked.epoch))
      chunks.push(chunk)
    members.push(member(`context/${destination}`, Buffer.concat(chunks)))
  }
  for (const { artifact, destination } of artifacts.files) {
    const { sha256, size } = artifact
    members.push({
      path: `context/${destination}`,
      mode: 0o644,
      size,
      sha256,
      content: { file: session.store.path(sha256) },
    })
  }
  const manifest: ArchiveManifest = {
    archiveVersion: ARCHIVE_VERSION,
    recipe: name,
    platform: loaded.recipe.platform,
    image: locked.image?.id ?? null,
    files: members.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
  }
  const written = await writeArchive(session.signal, resolve(file), name, manifest, members, locked.epoch)
  await writeFileAtomic(resolve(`${file}.sha256`), `${written.sha256}  ${basename(file)}\n`)
  return {
    recipe: name,
    file,
    ...written,
    artifacts: artifacts.files.length,
    image: manifest.image,
  }
}

function member(path: string, content: Uint8Array, mode = 0o644): Member {
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { path, mode, size: content.length, sha256, content }
}

async function writeArchive(
  signal: AbortSignal,
  file: string,
  name: string,
  manifest: ArchiveManifest,
  members: Member[],
  epoch: number,
): Promise<{ size: number; sha256: string }> {
  const archive = pack()
  const hash = createHash('sha256')
  let size = 0
  const counted = new PassThrough({
    transform(chunk: Uint8Array, _, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(file), { recursive: true })
    const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
    const packing = async () => {
      await add(archive, name, member(MANIFEST, text), epoch)
      for (const each of members) await add(archive, name, each, epoch)
      archive.finalize()
    }
    const writing = pipeline(archive, counted, createWriteStream(temporary, { flags: 'wx' }), { signal })
    await Promise.all([
      packing().catch((error) => {
        archive.destroy(error)
        throw error
      }),
      writing,
    ])
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw signal.aborted ? signal.reason : diskError(error, file)
  }
  return { size, sha256: hash.digest('hex') }
}

async function add(archive: Pack, name: string, { path, mode, size, content }: Member, epoch: number) {
  const header = { name: `${name}/${path}`, mode, size, mtime: new Date(epoch * 1000) }
  if (content instanceof Uint8Array) {
    archive.entry(header, Buffer.from(content))
    return
  }
  const entry = archive.entry(header)
  await pipeline(createReadStream(content.file), entry)
}
