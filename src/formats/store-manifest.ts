import { z } from 'zod'
import { checkShape, parseJson } from './json/parse-json.ts'
import { Digest, EMPTY_CONFIG, MANIFEST_TYPE } from './oci.ts'

/** What a manifest of a store holds; its blobs are known by their digests alone. */
export const STORE_TYPE = 'application/vnd.stillroom.store.v1'
export const FILE_TYPE = 'application/octet-stream'
export const TREE_TYPE = 'application/vnd.stillroom.tree.v1+text'

/** A file of a store: an artifact, or the text of a locked tree. */
export const StoredFile = z.looseObject({
  mediaType: z.enum([FILE_TYPE, TREE_TYPE]),
  digest: Digest,
  size: z.int().nonnegative(),
})
export type StoredFile = z.infer<typeof StoredFile>

const StoreManifest = z.looseObject({
  artifactType: z.literal(STORE_TYPE),
  layers: z.array(StoredFile).max(100_000),
})

/**
 * The tag of what a recipe's lock needs: the recipe's name, and the digest of the manifest. So whoever pushes takes nothing from others.
 */
export const storeTag = (recipe: string, manifest: string) =>
  `${recipe}-${manifest.slice('sha256:'.length, 'sha256:'.length + 12)}`

/** The recipe of a tag that {@link storeTag} made; undefined of any other. */
export function recipeOfTag(tag: string): string | undefined {
  return /^([a-z0-9]+(?:-[a-z0-9]+)*)-[0-9a-f]{12}$/.exec(tag)?.[1]
}

/** The one text of a set of files: sorted by digest, each once. */
export function storeManifest(files: readonly StoredFile[]): Buffer {
  const unique = new Map(files.map(({ mediaType, digest, size }) => [digest, { mediaType, digest, size }]))
  const layers = [...unique.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: STORE_TYPE,
      config: EMPTY_CONFIG,
      layers,
    }),
  )
}

/** @throws {StillroomError} IMAGE_INVALID when it is no manifest of a store */
export function parseStoreManifest(bytes: Buffer, name: string): StoredFile[] {
  return checkShape(StoreManifest, parseJson(bytes, name), name).layers
}
