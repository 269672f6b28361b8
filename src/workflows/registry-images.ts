import type { OpenRegistryImage } from '../image/open-image.ts'
import type { Environment, Upstreams } from './ports.ts'

/**
 * Opens images of registries, with the mirrors, logins and certificates of this machine.
 *
 * @throws {StillroomError} SOURCE_UNKNOWN, REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED: when called
 */
export function registryImages({ env, sources }: Environment & Upstreams): OpenRegistryImage {
  return async (reference, signal) => {
    // most images come from elsewhere
    const [{ registryFiles }, { openRegistries }] = await Promise.all([
      import('../image/registry-files.ts'),
      import('../sources/registry/open-registries.ts'),
    ])
    const registries = openRegistries({ env, signal }, await sources())
    const { digest, tag = 'latest' } = await registries.expand(reference)
    return registryFiles(await registries.repositories(reference), digest ?? tag, signal)
  }
}
