import { StillroomError } from '../../error.ts'
import type { RegistryPlace } from './locate-registry.ts'
import { ask, failed } from './locate-registry-ask.ts'
import { refused } from './locate-registry-login.ts'

/** A manifest or a config: OCI's distribution specification wants registries to take at least 4 MiB. */
const LIMIT = 16 << 20

/**
 * Reads a manifest, by tag or digest, or a small blob, from the first place that has it. What comes is not verified.
 *
 * @throws {StillroomError} REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED: what the last place said
 */
export async function fetchDocument(
  places: readonly RegistryPlace[],
  kind: 'manifests' | 'blobs',
  name: string,
  { accept, signal }: { accept: readonly string[]; signal: AbortSignal },
): Promise<{ bytes: Uint8Array; mediaType: string }> {
  let failure: unknown
  for (const { located, repository, authorize } of places) {
    const place = { ...located, url: `${located.url}/${kind}/${name}` }
    try {
      const headers = { accept: accept.join(', '), ...(await authorize(repository)) }
      const { status, header, body } = await ask(place, { signal, limit: LIMIT, headers })
      if (status === 200) {
        const mediaType = header('content-type')?.replace(/;.*/, '').trim().toLowerCase() ?? ''
        return { bytes: body, mediaType }
      }
      if (status === 401 || status === 403) throw refused(located, `HTTP ${status} for ${repository}`)
      if (status === 404) throw unknown(located.url, repository, kind, name)
      throw failed(place, `HTTP ${status}`)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      failure = error
    }
  }
  throw failure
}

function unknown(url: string, repository: string, kind: 'manifests' | 'blobs', name: string): StillroomError {
  const what = `${kind === 'manifests' ? 'image' : 'file'} "${name}"`
  return new StillroomError(
    'REGISTRY_IMAGE_UNKNOWN',
    `registry ${new URL(url).host} has no ${what} in "${repository}"`,
    { hint: 'check the name; if the registry has dropped it, name a mirror that still has it' },
  )
}
