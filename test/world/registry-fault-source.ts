import type { Timing } from '../../src/net/retry.ts'
import type { Sources } from '../../src/sources/find-sources.ts'
import { createRegistries, locateRegistry } from '../../src/sources/registry/registries.ts'
import type { Artifact } from '../../src/store/artifact.ts'
import { fetchArtifacts } from '../../src/store/fetch-artifacts.ts'
import { MESH } from './contents.ts'
import type { FaultSource } from './fault-sources.ts'
import { makeTar } from './make-tar.ts'
import { composeImage } from './oci-image.ts'
import type { World } from './world.ts'

/** A layer of an image, from a registry that wants a token. */
export async function registrySource(
  world: World,
  { ca }: Sources,
  timing: Partial<Timing>,
): Promise<FaultSource> {
  // uncompressed: compressors differ between machines
  const image = await composeImage({ layers: [await makeTar({ 'mesh.txt': MESH })], compression: 'none' })
  await world.registry.push(image, 'team/mesh', '1')
  const [, layer] = image.blobs
  if (layer === undefined) throw new Error('the image has no layer')
  const front = await world.startFront(world.registry)
  const artifact: Artifact = {
    name: 'layer 1 of team/mesh',
    file: 'layer.tar',
    sha256: layer.digest.replace('sha256:', ''),
    size: layer.size,
    origin: { kind: 'registry', reference: `${front.host}/team/mesh:1`, digest: layer.digest },
  }
  const settings = {
    mirrors: {},
    ca,
    defaultRegistry: async () => undefined,
    login: async () => ({ kind: 'password' as const, ...world.logins.registry }),
  }
  return {
    name: 'registry layer',
    file: artifact,
    front,
    path: /\/blobs\//,
    fetch: async (store) => {
      const { signal } = new AbortController()
      const locate = locateRegistry(createRegistries({ ...settings, signal }))
      const { overcome } = await fetchArtifacts([artifact], { store, locate, timing })
      return overcome.length
    },
  }
}
