import { checkShape, parseJson } from '../../formats/json/parse-json.ts'
import { INDEX_TYPE, Index, sha256Digest } from '../../formats/oci.ts'
import {
  type AttachedFile,
  type ManifestDescriptor,
  type Referrer,
  referrerOf,
  referrersTag,
} from '../../formats/oci-referrer.ts'
import type { PushTarget } from './push.ts'

/**
 * Attaches files to an image of a registry, so that who has its digest finds them. A registry that does not list them itself gets
 * the list under a tag of the image's digest (OCI distribution specification 1.1, "Referrers Tag Schema"). What is attached already
 * stays as it is.
 *
 * @returns how many files were not there before
 * @throws {StillroomError} PUSH_FAILED, REGISTRY_LOGIN_REFUSED; IMAGE_INVALID when what has that tag is no index
 */
export async function pushReferrers(
  target: PushTarget,
  subject: ManifestDescriptor,
  files: readonly AttachedFile[],
): Promise<number> {
  const referrers = files.map((file) => referrerOf(subject, file))
  let sent = 0
  for (const { manifest, blobs, descriptor } of referrers) {
    for (const bytes of blobs) await target.pushBlob(blobOf(bytes))
    const { digest, mediaType } = descriptor
    if (await target.pushManifest({ bytes: manifest, digest, mediaType }, digest)) sent += 1
  }
  if (!(await target.listsReferrers(subject.digest))) await listUnderTag(target, subject.digest, referrers)
  return sent
}

/** A blob of bytes in memory. */
export const blobOf = (bytes: Buffer) => ({
  digest: sha256Digest(bytes),
  size: bytes.length,
  read: async function* () {
    yield bytes
  },
})

async function listUnderTag(
  target: PushTarget,
  subject: string,
  referrers: readonly Referrer[],
): Promise<void> {
  const tag = referrersTag(subject)
  const present = await target.getManifest(tag)
  const name = `the list of referrers "${tag}"`
  const index = present && checkShape(Index, parseJson(present.bytes, name), name)
  const listed = index?.manifests ?? []
  const known = new Set(listed.map(({ digest }) => digest))
  const fresh = referrers.map(({ descriptor }) => descriptor).filter(({ digest }) => !known.has(digest))
  if (fresh.length === 0) return
  const list = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, ...fresh] }
  const bytes = Buffer.from(JSON.stringify(list))
  await target.pushManifest({ bytes, mediaType: INDEX_TYPE, digest: sha256Digest(bytes) }, tag)
}
