import { StillroomError } from '../../error.ts'
import type { LockedFile } from '../../lock/schema.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { FileStep } from '../../recipe/schema.ts'

/** Brings a file into the store and says what it is. */
export type FetchFile = (url: string) => Promise<{ sha256: string; size: number }>

/**
 * Pins a download to what its address gives now.
 *
 * @throws {StillroomError} ARTIFACT_MISMATCH when the recipe says that it must be another; as `fetch`
 */
export async function resolveFile({ url, sha256 }: FileStep, fetch: FetchFile): Promise<LockedFile> {
  const got = await fetch(url)
  if (sha256 !== undefined && got.sha256 !== sha256) {
    throw new StillroomError(
      'ARTIFACT_MISMATCH',
      `${redactUrl(url)} is not the file that the recipe asks for: expected sha256 ${sha256}, got ${got.sha256} (${got.size} bytes)`,
      {
        hint: 'it was replaced at its source, or changed on the way: compare with what its author publishes',
        details: { url: redactUrl(url), expected: sha256, got: got.sha256, size: got.size },
      },
    )
  }
  return { kind: 'file', url, size: got.size, sha256: got.sha256 }
}
