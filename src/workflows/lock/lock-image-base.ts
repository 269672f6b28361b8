import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { layerArtifacts } from '../../dockerfile/image-base.ts'
import { StillroomError } from '../../error.ts'
import { formatReference } from '../../formats/image-reference.ts'
import type { FileTree } from '../../image/file-tree.ts'
import { readInventory } from '../../inventory/read-inventory.ts'
import { BasePackage, type DebianIndex, type LockedImageBase } from '../../lock/schema.ts'
import { createGet } from '../../net/http-get.ts'
import type { FetchedIndex } from '../../resolve/debian/fetch-indexes.ts'
import { fetchArchives, refetchArchives } from '../../resolve/debian/other-archives.ts'
import {
  fetchImageIndexes,
  type ImageIndexOptions,
  refetchImageIndexes,
} from '../../resolve/registry/fetch-image-indexes.ts'
import { type ImageAptSource, imageAptSources } from '../../resolve/registry/image-apt-sources.ts'
import { findUserAccount } from '../../resolve/registry/read-configuration.ts'
import { resolveImage } from '../../resolve/registry/resolve-image.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { fetchDocument, locateRegistry } from '../../sources/registry/registries.ts'
import { fetchArtifacts } from '../../store/fetch-artifacts.ts'
import type { Environment, Fetching } from '../ports.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { readBaseTree } from './read-base-tree.ts'

/**
 * Pins a base from a registry: its manifest, config and layers, which go into the store, and what is in them. Indexes
 * of its apt sources are taken when the recipe has an apt step.
 *
 * @param known indexes that were locked before: none is taken that is older
 * @throws {StillroomError} REGISTRY_*, ARTIFACT_*, FETCH_FAILED, IMAGE_INVALID; SIGNATURE_INVALID and INDEX_* of indexes
 */
export async function lockImageBase(
  ports: Fetching,
  loaded: LoadedRecipe,
  known: readonly DebianIndex[],
): Promise<LockedImageBase> {
  const { recipe } = loaded
  const { base, platform } = recipe
  if (base.kind !== 'image') throw new TypeError('not a base from a registry')
  const { progress, signal } = ports
  progress({ kind: 'stage', title: `resolving ${base.reference}` })
  const registries = openRegistries(ports, await ports.sources())
  const repositories = await registries.repositories(base.reference)
  const parsed = await registries.expand(base.reference)
  const image = await resolveImage({
    reference: formatReference(parsed),
    wanted: parsed.digest ?? parsed.tag ?? 'latest',
    platform,
    get: (kind, name, accept) => fetchDocument(repositories, kind, name, { accept, signal }),
  })
  progress({ kind: 'stage', title: `fetching ${image.layers.length} layers of ${image.reference}` })
  await fetchLayers(ports, image)
  progress({ kind: 'stage', title: `reading ${image.reference}` })
  const tree = await readBaseTree(ports, image)
  requirePrograms(tree, image.reference)
  const text = (path: string) => tree.read(path)?.toString('utf8') ?? ''
  const { packages, problems } = await readInventory(tree)
  for (const { path, reason } of problems) progress({ kind: 'note', text: `base: ${path}: ${reason}` })
  const locked: LockedImageBase = {
    ...image,
    account: findUserAccount(image.configuration.user, text('etc/passwd'), text('etc/group')),
    indexes: [],
    inventory: packages.map(({ kind, name, version, architecture, environment }) =>
      BasePackage.parse({ kind, name, version, architecture, environment }),
    ),
  }
  return recipe.steps.some(({ kind }) => kind === 'apt')
    ? withIndexes(ports, loaded, locked, known, tree)
    : locked
}

/** The same base with the present indexes of its own apt sources: for a recipe that had no apt step before. */
export async function withIndexes(
  ports: Fetching,
  loaded: LoadedRecipe,
  base: LockedImageBase,
  known: readonly DebianIndex[],
  read?: FileTree,
): Promise<LockedImageBase> {
  ports.progress({ kind: 'stage', title: "fetching indexes of the base's apt sources" })
  const tree = read ?? (await readLayers(ports, base))
  const sources = imageAptSources(filesOf(tree))
  const { archives } = loaded.recipe
  if (sources.length + archives.length === 0) {
    throw new StillroomError(
      'SOURCE_UNKNOWN',
      `cannot resolve apt steps on ${base.reference}: it has no apt sources`,
      {
        hint: 'apt steps need a base of Debian or Ubuntu, with sources in /etc/apt that are read over http or https',
      },
    )
  }
  const options = { ...(await indexOptions(ports)), known }
  const fetched = [
    ...(await fetchImageIndexes(sources, options)),
    ...(await fetchArchives(archives, { ...options, readFile: besideRecipe(loaded) })),
  ]
  // kept so that the same lock can be extended after the mirrors have moved on
  for (const { inRelease, packages } of fetched) {
    await ports.store.put(inRelease)
    await ports.store.put(packages)
  }
  return { ...base, indexes: fetched.map(({ index }) => index) }
}

/** The indexes that the lock of a base names. @throws {StillroomError} INDEX_INVALID, SIGNATURE_INVALID, FETCH_FAILED */
export async function lockedImageIndexes(
  ports: Fetching,
  loaded: LoadedRecipe,
  { indexes, ...base }: LockedImageBase,
): Promise<FetchedIndex[]> {
  const options = await indexOptions(ports)
  const [own, others] = [true, false].map((isOwn) =>
    indexes.filter(({ url }) => (url === undefined) === isOwn),
  )
  const sources = await readAptSources(ports, { ...base, indexes })
  return [
    ...(await refetchImageIndexes(own ?? [], sources, options)),
    ...(await refetchArchives(others ?? [], loaded.recipe.archives, {
      ...options,
      readFile: besideRecipe(loaded),
    })),
  ]
}

/** Reads a file below a recipe's directory. */
export function besideRecipe({ directory }: LoadedRecipe): (path: string) => Promise<Uint8Array> {
  return async (path) => {
    try {
      return await readFile(join(directory, path))
    } catch (cause) {
      throw new StillroomError(
        'RECIPE_INVALID',
        `cannot read "${path}" beside the recipe: ${(cause as Error).message}`,
        {
          hint: 'put the file there, or correct its path in the recipe',
          cause,
        },
      )
    }
  }
}

/** The apt sources in a base's own layers. */
export async function readAptSources(ports: Fetching, base: LockedImageBase): Promise<ImageAptSource[]> {
  return imageAptSources(filesOf(await readLayers(ports, base)))
}

/** Of GNU, as Debian's and Ubuntu's are. */
const PROGRAMS = ['sh', 'tar', 'find', 'xargs', 'touch', 'sed', 'grep', 'sort', 'comm', 'cmp', 'cp']

/** Steps run by the base's own programs: said now, instead of in the midst of a build. */
function requirePrograms(tree: FileTree, reference: string): void {
  const places = ['bin', 'usr/bin', 'usr/local/bin', 'sbin', 'usr/sbin']
  const find = (name: string) =>
    places.map((place) => tree.find(`${place}/${name}`)).find((file) => file?.inode.type === 'file')
  const missing = PROGRAMS.filter((name) => find(name) === undefined)
  const small = PROGRAMS.filter((name) => name !== 'sh' && /busybox|toybox/.test(find(name)?.path ?? ''))
  if (missing.length + small.length === 0) return
  const reasons = [
    ...(missing.length > 0 ? [`it has no ${missing.join(', ')}`] : []),
    ...(small.length > 0 ? [`its ${small.join(', ')} are busybox's`] : []),
  ]
  throw new StillroomError('REGISTRY_IMAGE_UNUSABLE', `cannot build on ${reference}: ${reasons.join('; ')}`, {
    hint: 'take an image of Debian or Ubuntu as the base: steps are run by its GNU programs',
  })
}

async function readLayers(ports: Fetching, base: LockedImageBase): Promise<FileTree> {
  await fetchLayers(ports, base)
  return readBaseTree(ports, base)
}

async function fetchLayers(
  ports: Fetching,
  image: Pick<LockedImageBase, 'reference' | 'layers'>,
): Promise<void> {
  const { store, signal, progress } = ports
  await fetchArtifacts(
    layerArtifacts(image).map(({ artifact }) => artifact),
    {
      store,
      signal,
      locate: locateRegistry(openRegistries(ports, await ports.sources())),
      onProgress: ({ bytesDone, bytesTotal }) =>
        progress({
          kind: 'status',
          text: `${Math.floor(bytesDone / 1e6)}/${Math.ceil(bytesTotal / 1e6)} MB`,
        }),
    },
  )
}

async function indexOptions(ports: Fetching): Promise<ImageIndexOptions> {
  const { debian, past, snapshot, oldReleases, ca } = await ports.sources()
  const get = createGet({ ca, signal: ports.signal })
  const cached = async (sha256: string) => readFile(ports.store.path(sha256)).catch(() => undefined)
  return {
    get,
    now: new Date(),
    pinned: past !== undefined,
    mirrors: { ...(past ?? debian), ubuntu: ubuntuMirrors(ports.env) },
    snapshot,
    oldReleases,
    cached,
  }
}

/** STILLROOM_UBUNTU: roots of mirrors of Ubuntu, separated by spaces. */
export function ubuntuMirrors(env: Environment['env']): string[] {
  const words = (env['STILLROOM_UBUNTU'] ?? '').split(/\s+/).filter((word) => /^https?:\/\/./.test(word))
  return words.map((word) => word.replace(/\/+$/, ''))
}

function filesOf(tree: FileTree) {
  return { read: (path: string) => tree.read(path), list: (directory: string) => tree.list(directory) }
}
