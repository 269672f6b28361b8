import { hash } from 'node:crypto'
import { tryJson } from '../formats/json/try-json.ts'
import { INDEX_TYPES, Index, MANIFEST_TYPES, Manifest } from '../formats/oci.ts'
import { fetchBlob } from '../sources/registry/fetch-blob.ts'
import { fetchDocument, type Repository } from '../sources/registry/registries.ts'
import { digestOf, fileInMemory, type ImageFile, streamedFile } from './image-file.ts'
import type { OpenFile } from './image-tree.ts'

/**
 * Gives the files of an image in a registry as those of an OCI image layout: `index.json` leads to what was asked for, and
 * manifests and blobs have their digests as names. Nothing is kept on disk: blobs are fetched as they are read. What comes
 * is verified by whoever reads it, as with a layout on disk.
 *
 * @param repositories where the image may be read from, best first
 * @param wanted its tag or digest
 * @throws {StillroomError} REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED: here, and when files are read
 */
export async function registryFiles(
  repositories: readonly Repository[],
  wanted: string,
  signal: AbortSignal,
): Promise<OpenFile> {
  /** By digest; undefined when it was named, but not fetched yet. */
  const manifests = new Map<string, Promise<Buffer> | undefined>()
  /** By digest: bytes, as manifests state them. */
  const blobs = new Map<string, number>()
  const fetchManifest = async (name: string) => {
    const accept = [...INDEX_TYPES, ...MANIFEST_TYPES]
    const { bytes } = await fetchDocument(repositories, 'manifests', name, { accept, signal })
    const data = tryJson(Buffer.from(bytes).toString('utf8'))
    for (const { digest } of Index.safeParse(data).data?.manifests ?? [])
      if (!manifests.has(digest)) manifests.set(digest, undefined)
    const manifest = Manifest.safeParse(data).data
    for (const { digest, size } of manifest ? [manifest.config, ...manifest.layers] : [])
      if (size !== undefined) blobs.set(digest, size)
    return Buffer.from(bytes)
  }
  const top = await fetchManifest(wanted)
  const digest = wanted.startsWith('sha256:') ? wanted : `sha256:${hash('sha256', top)}`
  manifests.set(digest, Promise.resolve(top))
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ digest, size: top.length }] }))
  return async (path) => {
    if (path === 'index.json') return fileInMemory(path, index)
    const name = digestOf(path) ?? ''
    if (manifests.has(name)) {
      const bytes = manifests.get(name) ?? fetchManifest(name)
      manifests.set(name, bytes)
      return fileInMemory(path, await bytes)
    }
    const size = blobs.get(name)
    return size === undefined
      ? undefined
      : remoteBlob(path, name, fetchBlob(repositories, name, { size, signal }), size)
  }
}

/** One that is known already need not be fetched: it is asked for by its digest, and nothing else has that. */
function remoteBlob(path: string, digest: string, bytes: AsyncIterable<Buffer>, size: number): ImageFile {
  const file = streamedFile(path, size, bytes)
  let isRead = false
  return {
    ...file,
    read: () => {
      isRead = true
      return file.read()
    },
    digest: async () => (isRead ? file.digest() : digest),
  }
}
