import { buffer } from 'node:stream/consumers'
import { StillroomError } from '../../error.ts'
import { MANIFEST_TYPE, sha256Digest } from '../../formats/oci.ts'
import { parseStoreManifest, recipeOfTag, type StoredFile, TREE_TYPE } from '../../formats/store-manifest.ts'
import { fetchBlob } from '../../sources/registry/fetch-blob.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { fetchDocument, listTags, type Repository } from '../../sources/registry/registries.ts'
import type { Artifact } from '../../store/artifact.ts'
import { fetchArtifacts } from '../../store/fetch-artifacts.ts'
import type { Fetching } from '../ports.ts'
import { locateBlob, requireStore } from './team-store.ts'

export interface PullStoreResult {
  /** The repository, with its registry. */
  store: string
  /** What was pulled: tags, sorted. */
  tags: string[]
  /** Files that they name, and their bytes. */
  files: number
  bytes: number
  /** Files that the store lacked. */
  fetched: number
  /** Locked trees among them. */
  trees: number
}

/**
 * Fetches what `store push` left in a repository into the store. Each file is verified by its digest.
 *
 * @param where `[docker://]REGISTRY/NAME`
 * @param names of recipes; all when there are none
 * @throws {StillroomError} USAGE; REGISTRY_*, also when there is nothing for such a recipe; IMAGE_INVALID when a tag is that of
 *   something else; ARTIFACT_*, FETCH_FAILED; DISK_FULL, NOT_WRITABLE
 */
export async function pullStore(
  ports: Fetching,
  where: string,
  names: readonly string[],
): Promise<PullStoreResult> {
  const { store, signal, progress } = ports
  const registries = openRegistries(ports, await ports.sources())
  const asked = requireStore('pull from', where)
  const repositories = await registries.repositories(asked)
  progress({ kind: 'stage', title: `pulling ${asked}` })
  const tags = await findTags(await registries.repository(asked), names, signal)
  const named = new Map<string, StoredFile>()
  for (const tag of tags) {
    const accept = [MANIFEST_TYPE]
    const { bytes } = await fetchDocument(repositories, 'manifests', tag, { accept, signal })
    for (const file of parseStoreManifest(Buffer.from(bytes), `${asked}:${tag}`)) named.set(file.digest, file)
  }
  const all = [...named.values()]
  const files = all.filter(({ mediaType }) => mediaType !== TREE_TYPE)
  const trees = all.filter(({ mediaType }) => mediaType === TREE_TYPE)
  const report = await fetchArtifacts(files.map(artifactOf), {
    store,
    signal,
    locate: locateBlob(repositories),
    onProgress: ({ filesDone, filesTotal }) =>
      progress({ kind: 'status', text: `${filesDone} of ${filesTotal} files` }),
  })
  let { fetched } = report
  for (const tree of trees) if (await pullTree(ports, repositories, tree)) fetched += 1
  const bytes = all.reduce((sum, { size }) => sum + size, 0)
  return { store: asked, tags, files: all.length, bytes, fetched, trees: trees.length }
}

/** @throws {StillroomError} REGISTRY_IMAGE_UNKNOWN when there is nothing for a recipe that was named, or nothing at all */
async function findTags(
  repository: Repository,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const all = await listTags(repository, signal)
  const tags = all.filter((tag) => {
    const recipe = recipeOfTag(tag)
    return recipe !== undefined && (names.length === 0 || names.includes(recipe))
  })
  const found = new Set(tags.map(recipeOfTag))
  const missing = names.filter((name) => !found.has(name))
  if (tags.length > 0 && missing.length === 0) return tags.sort()
  const { host } = new URL(repository.root.url)
  throw new StillroomError(
    'REGISTRY_IMAGE_UNKNOWN',
    `registry ${host} has nothing in "${repository.name}" that store push left there${missing.length > 0 ? ` for ${missing.join(', ')}` : ''}`,
    { hint: 'check the name; stillroom store push REGISTRY/NAME puts it there' },
  )
}

/** A larger tree is left out: it is of use, and not needed. */
const TREE_LIMIT = 512 << 20

async function pullTree(
  { store, signal }: Fetching,
  repositories: readonly Repository[],
  { digest, size }: StoredFile,
): Promise<boolean> {
  if (size > TREE_LIMIT || (await store.hasCompressed(hexOf(digest)))) return false
  const text = await buffer(fetchBlob(repositories, digest, { size, signal }))
  const actual = sha256Digest(text)
  if (actual !== digest)
    throw new StillroomError(
      'ARTIFACT_MISMATCH',
      `the registry gave another file than asked for: expected ${digest}, got ${actual}`,
      { hint: 'nothing of it was kept' },
    )
  await store.putCompressed(text)
  return true
}

/** What a file is called is in the locks, not here. */
function artifactOf({ digest, size }: StoredFile): Artifact {
  const sha256 = hexOf(digest)
  return {
    name: digest.slice(0, 'sha256:'.length + 12),
    file: sha256,
    sha256,
    size,
    origin: { kind: 'url', url: '' },
  }
}

const hexOf = (digest: string) => digest.slice('sha256:'.length)
