import { createReadStream } from 'node:fs'
import pMap from 'p-map'
import type { ArtifactContents, LockedContents } from '../audit/locked-contents.ts'
import { PYTHONS, type PythonAbi } from '../audit/source-hash.ts'
import { contextArtifacts } from '../dockerfile/context-artifacts.ts'
import { StillroomError } from '../error.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import { archiveTree } from '../resolve/project/archive-tree.ts'
import type { Artifact } from '../store/artifact.ts'
import { keptContents } from './artifact-contents.ts'
import { readTarContents } from './contents-reader.ts'
import { readArchive, readDeb, readZip } from './read-artifact.ts'
import type { Session } from './session.ts'

/**
 * What the artifacts of a lock hold: each is hashed, read once, and its account kept in the cache. What is not in the
 * store is told in `missing`, and so are project trees that the repository lacks.
 *
 * @param repository a directory of the git repository that holds the project trees
 */
export async function readLockedContents(
  session: Session,
  locked: LockedPlatform,
  repository: string,
): Promise<LockedContents> {
  const { files, projects } = contextArtifacts(locked)
  const python = lockedPython(locked)
  const artifacts = new Map<string, ArtifactContents>()
  const trees = new Map<string, ArtifactContents>()
  const missing: LockedContents['missing'] = []
  const readOne = async ({ artifact }: (typeof files)[number]) => {
    session.signal.throwIfAborted()
    const contents = await artifactContents(session, artifact, python)
    if (contents === undefined) missing.push({ name: artifact.name, reason: 'it is not in the store' })
    else artifacts.set(artifact.sha256, contents)
  }
  await pMap(new Map(files.map((each) => [each.artifact.sha256, each])).values(), readOne, { concurrency: 4 })
  for (const { tree, commit } of projects) {
    try {
      const read = async () => readTarContents(await archiveTree(repository, tree, 0), python)
      trees.set(tree, await keptContents(session, `${tree}-${python?.tag ?? 'none'}`, read))
    } catch (error) {
      if (!(error instanceof StillroomError) || error.code !== 'PROJECT_TREE_GONE') throw error
      missing.push({ name: `project of commit ${commit}`, reason: error.message })
    }
  }
  return { artifacts, trees, missing: missing.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

async function artifactContents(
  session: Session,
  { sha256, size, name, file, origin }: Artifact,
  python: PythonAbi | undefined,
): Promise<ArtifactContents | undefined> {
  const { store } = session
  const gone = Symbol()
  const read = async () => {
    if (!(await store.verify({ sha256, size }))) throw gone
    const path = store.path(sha256)
    if (origin.kind === 'debian') return readDeb(path, name, python)
    if (origin.kind === 'git') return readTarContents(createReadStream(path), python)
    if (origin.kind === 'url') return readArchive(path, python)
    return file.endsWith('.whl') ? readZip(path, python) : readArchive(path, python)
  }
  try {
    return await keptContents(session, `${sha256}-${python?.tag ?? 'none'}`, read)
  } catch (error) {
    if (error === gone) return undefined
    throw error
  }
}

/** The Python that Debian's packages of a lock bring. */
function lockedPython({ base, steps }: LockedPlatform): PythonAbi | undefined {
  const debs = [
    ...(base.kind === 'debian' ? base.packages : []),
    ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])),
  ]
  const [, minor] = /^3\.(\d+)/.exec(debs.find(({ name }) => name === 'python3-minimal')?.version ?? '') ?? []
  return PYTHONS.find(({ tag }) => tag === `cpython-3${minor}`)
}
