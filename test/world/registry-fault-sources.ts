import { fetchPublished } from '../../src/image/fetch-published.ts'
import type { Timing } from '../../src/net/retry.ts'
import type { Sources } from '../../src/sources/find-sources.ts'
import { pushTarget } from '../../src/sources/registry/push.ts'
import { blobOf } from '../../src/sources/registry/push-referrers.ts'
import {
  createRegistries,
  locateRegistry,
  type RegistrySettings,
} from '../../src/sources/registry/registries.ts'
import type { Artifact } from '../../src/store/artifact.ts'
import { fetchArtifacts } from '../../src/store/fetch-artifacts.ts'
import { MESH } from './contents.ts'
import type { FaultSource } from './fault-sources.ts'
import { makeTar } from './make-tar.ts'
import { type Blob, composeImage, type OciImage } from './oci-image.ts'
import type { World } from './world.ts'

/** A registry that wants a token: a layer of a base, an image that was published, and a push. */
export async function registrySources(
  world: World,
  { ca }: Sources,
  timing: Partial<Timing>,
): Promise<FaultSource[]> {
  // uncompressed: compressors differ between machines
  const image = await composeImage({ layers: [await makeTar({ 'mesh.txt': MESH })], compression: 'none' })
  await world.registry.push(image, 'team/mesh', '1')
  const [, layer] = image.blobs
  if (layer === undefined) throw new Error('the image has no layer')
  const settings = {
    mirrors: {},
    ca,
    defaultRegistry: async () => undefined,
    login: async () => ({ kind: 'password' as const, ...world.logins.registry }),
    signal: new AbortController().signal,
    timing,
  }
  const about = { world, image, layer, settings }
  return [await layerSource(about), await publishedSource(about), await pushSource(about)]
}

interface About {
  world: World
  image: OciImage
  layer: Blob
  settings: RegistrySettings & { timing: Partial<Timing> }
}

async function layerSource({ world, layer, settings }: About): Promise<FaultSource> {
  const front = await world.startFront(world.registry)
  const artifact: Artifact = {
    name: 'layer 1 of team/mesh',
    file: 'layer.tar',
    sha256: layer.digest.replace('sha256:', ''),
    size: layer.size,
    origin: { kind: 'registry', reference: `${front.host}/team/mesh:1`, digest: layer.digest },
  }
  return {
    name: 'registry layer',
    file: artifact,
    front,
    path: /\/blobs\//,
    fetch: async (store) => {
      const { timing } = settings
      const locate = locateRegistry(createRegistries(settings))
      const { overcome } = await fetchArtifacts([artifact], { store, locate, timing })
      return overcome.length
    },
  }
}

/** The layer of an image that a lockfile says was published there; kept in the store when it came, as the test looks there. */
async function publishedSource({ world, image, layer, settings }: About): Promise<FaultSource> {
  const front = await world.startFront(world.registry)
  const reference = `${front.host}/team/mesh:1`
  const locked = {
    id: image.imageId ?? '',
    tree: `sha256:${'0'.repeat(64)}`,
    size: layer.size,
    diffIDs: image.diffIds ?? [],
    published: { reference, manifest: image.digest },
  }
  return {
    name: 'published image',
    file: { sha256: layer.digest.replace('sha256:', ''), size: layer.size },
    front,
    path: new RegExp(`/blobs/${layer.digest}`),
    fetch: async (store) => {
      const repositories = await createRegistries(settings).repositories(reference)
      const { signal, timing } = settings
      const how = { directory: store.temporary, present: [], signal, timing }
      await using fetched = await fetchPublished(repositories, locked, how)
      for (const { read } of fetched.layers) await store.put(read())
      return 0
    },
  }
}

/** Of all sources: they share a registry. */
let pushes = 0

/** A blob that is pushed, each time to a repository that has it not; kept in the store when the registry took it. */
async function pushSource({ world, layer, settings }: About): Promise<FaultSource> {
  const front = await world.startFront(world.registry)
  const content = layer.content as Uint8Array
  const { stall = 0 } = settings.timing
  // how long a registry may hash what it was sent
  const how = { ...settings, timing: { ...settings.timing, patience: stall } }
  return {
    name: 'push',
    file: { sha256: layer.digest.replace('sha256:', ''), size: layer.size },
    front,
    path: /\/blobs\/uploads\//,
    fetch: async (store) => {
      pushes += 1
      const repository = await createRegistries(settings).repository(`${front.host}/team/push-${pushes}:1`)
      await pushTarget(repository, how).pushBlob(blobOf(Buffer.from(content)))
      await store.put(content)
      return 0
    },
  }
}
