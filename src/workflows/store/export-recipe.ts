import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { contextArtifacts, lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { paxHeader, TAR_END, tarPadding } from '../../formats/tar/write-tar.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import { diskError, writeFileAtomic } from '../../store/disk.ts'
import { recordUse } from '../../store/uses.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import { loadLocked } from '../project/load-inputs.ts'
import type { Session } from '../session.ts'
import { ARCHIVE_VERSION, type ArchiveManifest, MANIFEST, TREE } from './archive-manifest.ts'
import { readTreeText } from './locked-tree.ts'

export interface ExportResult {
  recipe: string
  file: string
  /** In bytes. */
  size: number
  /** Of the archive; also written to FILE.sha256, for `sha256sum --check`. */
  sha256: string
  artifacts: number
  /** Whether the locked tree is in it, with which an audit is exact. */
  tree: boolean
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
 * `docker buildx build` works in it with neither network nor stillroom; and the locked tree, when the store has it. The
 * same of these give the same bytes.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, GENERATED_STALE; those of fetching; DISK_FULL, NOT_WRITABLE
 */
export async function exportRecipe(session: Session, name: string, file: string): Promise<ExportResult> {
  const { progress } = session
  progress({ kind: 'stage', title: `reading recipe ${name}` })
  const { loaded, locked, context } = await loadLocked(session, name)
  const artifacts = contextArtifacts(locked)
  progress({ kind: 'stage', title: 'fetching artifacts' })
  await recordUse(session.store.directory, name, lockedDigests(locked))
  await fetchInputs(session, artifacts, locked)

  progress({ kind: 'stage', title: `writing ${file}` })
  const members: Member[] = []
  for (const part of ['recipe.ts', 'lock.json']) {
    members.push(member(`recipe/${part}`, await readFile(join(loaded.directory, part))))
  }
  for (const [path, text] of context) {
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
  const tree = locked.image && (await readTreeText(session, locked.image))
  if (tree) members.push(member(TREE, tree))
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
    tree: Boolean(tree),
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
  const hash = createHash('sha256')
  let size = 0
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  const archive = async function* () {
    for await (const bytes of pack([member(MANIFEST, text), ...members], name, epoch)) {
      hash.update(bytes)
      size += bytes.length
      yield bytes
    }
  }
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(file), { recursive: true })
    await pipeline(archive, createWriteStream(temporary, { flags: 'wx' }), { signal })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw signal.aborted ? signal.reason : diskError(error, file)
  }
  return { size, sha256: hash.digest('hex') }
}

async function* pack(members: readonly Member[], name: string, epoch: number): AsyncGenerator<Uint8Array> {
  for (const { path, mode, size, content } of members) {
    const bytes = Buffer.from(`${name}/${path}`).toString('latin1')
    yield paxHeader({ path: bytes, type: 'file', executable: mode === 0o755, size }, epoch)
    let left = size
    for await (const part of content instanceof Uint8Array ? [content] : createReadStream(content.file)) {
      left -= part.length
      yield part
    }
    if (left !== 0) throw new Error(`${path} has ${size - left} bytes, expected ${size}`)
    yield tarPadding(size)
  }
  yield TAR_END
}
