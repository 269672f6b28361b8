import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import {
  contextArtifacts,
  lockedDigests,
  type PlacedArtifact,
  type PlacedProject,
} from '../../dockerfile/context-artifacts.ts'
import { paxHeader, TAR_END, tarPadding } from '../../formats/tar/write-tar.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject } from '../../resolve/project/resolve-project.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import { recordUse } from '../../store/uses.ts'
import { writeHashed } from '../../store/write-hashed.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import type { Artifacts, Cancellation, Environment } from '../ports.ts'
import { type LockedRecipe, loadLocked } from '../project/load-inputs.ts'
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
  const inputs = await loadLocked(session, name)
  const { locked } = inputs
  const artifacts = contextArtifacts(locked)
  progress({ kind: 'stage', title: 'fetching artifacts' })
  await recordUse(session.store.directory, name, lockedDigests(locked))
  await fetchInputs(session, artifacts, locked)

  progress({ kind: 'stage', title: `writing ${file}` })
  const tree = locked.image && (await readTreeText(session, locked.image))
  const members = [
    ...(await recipeMembers(inputs)),
    ...contextMembers(inputs),
    ...(await projectMembers(session, inputs, artifacts.projects)),
    ...artifacts.files.map((placed) => artifactMember(session, placed)),
    ...(tree ? [member(TREE, tree)] : []),
  ]
  const manifest = manifestOf(inputs, members)
  const archive = pack([member(MANIFEST, jsonText(manifest)), ...members], name, locked.epoch)
  const { size, sha256 } = await writeHashed(session.signal, resolve(file), archive)
  await writeFileAtomic(resolve(`${file}.sha256`), `${sha256}  ${basename(file)}\n`)
  const { image } = manifest
  return { recipe: name, file, size, sha256, artifacts: artifacts.files.length, tree: Boolean(tree), image }
}

function recipeMembers({ loaded }: LockedRecipe): Promise<Member[]> {
  const read = async (name: string) => member(`recipe/${name}`, await readFile(join(loaded.directory, name)))
  return Promise.all(['recipe.ts', 'lock.json'].map(read))
}

function contextMembers({ context }: LockedRecipe): Member[] {
  return [...context].map(([path, text]) =>
    member(`context/${path}`, Buffer.from(text), path.endsWith('.sh') ? 0o755 : 0o644),
  )
}

async function projectMembers(
  ports: Environment & Cancellation,
  { loaded, locked }: LockedRecipe,
  projects: readonly PlacedProject[],
): Promise<Member[]> {
  const members: Member[] = []
  for (const { destination, epoch = locked.epoch, ...project } of projects) {
    const archive = archiveProject(gitRunner(ports), loaded.directory, project, epoch)
    members.push(member(`context/${destination}`, await buffer(archive)))
  }
  return members
}

function artifactMember({ store }: Artifacts, { artifact, destination }: PlacedArtifact): Member {
  const { sha256, size } = artifact
  return { path: `context/${destination}`, mode: 0o644, size, sha256, content: { file: store.path(sha256) } }
}

function manifestOf({ loaded, locked }: LockedRecipe, members: readonly Member[]): ArchiveManifest {
  return {
    archiveVersion: ARCHIVE_VERSION,
    recipe: loaded.name,
    platform: loaded.recipe.platform,
    image: locked.image?.id ?? null,
    files: members.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
  }
}

const jsonText = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)

function member(path: string, content: Uint8Array, mode = 0o644): Member {
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { path, mode, size: content.length, sha256, content }
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
