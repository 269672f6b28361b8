import { createReadStream } from 'node:fs'
import { availableParallelism } from 'node:os'
import pMap from 'p-map'
import type { ArtifactContents, LockedContents } from '../../audit/expect/locked-contents.ts'
import { ownArtifacts, type PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { PYTHONS, type PythonAbi } from '../../formats/python/byte-code.ts'
import { FileTree } from '../../image/file-tree.ts'
import { copiedNames } from '../../lock/other-recipes.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { archiveProject, type PinnedTree } from '../../resolve/project/resolve-project.ts'
import type { Artifact } from '../../store/artifact.ts'
import type { Artifacts, Cache, Cancellation, Environment } from '../ports.ts'
import { readLockedTree } from '../store/locked-tree.ts'
import { hasContents, keepContents, keptContents, trimContents } from './artifact-contents.ts'
import { readTarContents } from './contents-reader.ts'
import { readArchive, readDeb, readWheel } from './read-artifact.ts'

/**
 * What the artifacts of a lock hold. It is kept in the cache by the artifact's sha256; an artifact that is not there
 * is fetched, hashed and read. What cannot be had is listed in `missing`, and so are project trees that the
 * repository lacks, and the files of other recipes' images that the store has no list of.
 *
 * @param repository a directory of the git repository that holds the project trees
 * @param fetch brings artifacts into the store, those that it can
 */
export async function readLockedContents(
  ports: Environment & Cancellation & Cache & Artifacts,
  locked: LockedPlatform,
  repository: string,
  fetch: (files: PlacedArtifact[]) => Promise<void>,
): Promise<LockedContents> {
  const { files, projects } = ownArtifacts(locked)
  const python = lockedPython(locked)
  const artifacts = new Map<string, ArtifactContents>()
  const trees = new Map<string, ArtifactContents>()
  const missing: LockedContents['missing'] = []
  const unread: PlacedArtifact[] = []
  const unique = new Map(files.map((each) => [each.artifact.sha256, each])).values()
  // each is unpacked on several threads
  const concurrency = { concurrency: Math.min(4, availableParallelism()) }
  const take = async (placed: PlacedArtifact) => {
    ports.signal.throwIfAborted()
    const { sha256 } = placed.artifact
    const kept = await keptContents(ports, contentsKey(sha256, python))
    if (kept === undefined) unread.push(placed)
    else artifacts.set(sha256, kept)
  }
  const read = async ({ artifact }: PlacedArtifact) => {
    ports.signal.throwIfAborted()
    const contents = await artifactContents(ports, artifact, python)
    if (contents === undefined) missing.push({ name: artifact.name, reason: 'it is not in the store' })
    else artifacts.set(artifact.sha256, contents)
  }
  await pMap(unique, take, concurrency)
  if (unread.length > 0) await fetch(unread)
  await pMap(unread.sort(byLargest), read, concurrency)
  if (unread.length > 0) await trimContents(ports)
  for (const project of projects) {
    const { tree, commit } = project
    try {
      trees.set(tree, await treeContents(ports, repository, project, python))
    } catch (error) {
      if (!(error instanceof StillroomError) || error.code !== 'PROJECT_TREE_GONE') throw error
      missing.push({ name: `project of commit ${commit}`, reason: error.message })
    }
  }
  const images = new Map<string, FileTree>()
  for (const name of copiedNames(locked)) {
    const image = locked.recipes?.[name]?.image
    const root = image && (await readLockedTree(ports, image))
    if (image === undefined || root === undefined)
      missing.push({
        name: `files of recipe ${name}`,
        reason: `the store does not have their list: stillroom build recipe ${name}`,
      })
    else images.set(image.tree, new FileTree(root))
  }
  return { artifacts, trees, images, missing: missing.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/**
 * Reads the artifacts of a lock that nobody has read before, and keeps what they hold: an audit need not read them then. What goes
 * wrong is left to that audit, which meets it again and says it.
 */
export async function readAhead(
  ports: Cancellation & Cache & Artifacts,
  locked: LockedPlatform,
): Promise<void> {
  const python = lockedPython(locked)
  const artifacts = new Map(ownArtifacts(locked).files.map(({ artifact }) => [artifact.sha256, artifact]))
  const read = async (artifact: Artifact) => {
    if (ports.signal.aborted || (await hasContents(ports, contentsKey(artifact.sha256, python)))) return
    await artifactContents(ports, artifact, python).catch(() => {})
  }
  // a build beside it has work for most of the processors
  const inOrder = [...artifacts.values()].sort((a, b) => b.size - a.size)
  await pMap(inOrder, read, { concurrency: 2 })
}

/** The largest first: one that is begun last is waited for alone. */
const byLargest = (a: PlacedArtifact, b: PlacedArtifact) => b.artifact.size - a.artifact.size

/** Names what an artifact or a tree holds, for `keepContents`. */
export const contentsKey = (content: string, python: PythonAbi | undefined) =>
  `${content}-${python?.tag ?? 'none'}`

async function treeContents(
  ports: Environment & Cancellation & Cache,
  repository: string,
  project: PinnedTree,
  python: PythonAbi | undefined,
): Promise<ArtifactContents> {
  const key = contentsKey(project.tree, python)
  const kept = await keptContents(ports, key)
  if (kept !== undefined) return kept
  const contents = await readTarContents(archiveProject(gitRunner(ports), repository, project, 0), python)
  return keepContents(ports, key, contents)
}

/** Undefined when the store doesn't have it. */
async function artifactContents(
  ports: Cache & Artifacts,
  { sha256, size, name, file, origin }: Artifact,
  python: PythonAbi | undefined,
): Promise<ArtifactContents | undefined> {
  const { store } = ports
  if (!(await store.verify({ sha256, size }))) return undefined
  const path = store.path(sha256)
  const read = () => {
    if (origin.kind === 'debian') return readDeb(path, name, python)
    if (origin.kind === 'git') return readTarContents(createReadStream(path), python)
    return file.endsWith('.whl') ? readWheel(path, python) : readArchive(path, python)
  }
  return keepContents(ports, contentsKey(sha256, python), await read())
}

/** The Python that Debian's packages of a lock bring. */
export function lockedPython({ base, steps }: LockedPlatform): PythonAbi | undefined {
  const debs = [
    ...(base.kind === 'debian' ? base.packages : []),
    ...(base.kind === 'recipe' ? base.inventory.filter(({ kind }) => kind === 'deb') : []),
    ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])),
  ]
  const [, minor] = /^3\.(\d+)/.exec(debs.find(({ name }) => name === 'python3-minimal')?.version ?? '') ?? []
  return PYTHONS.find(({ tag }) => tag === `cpython-3${minor}`)
}
