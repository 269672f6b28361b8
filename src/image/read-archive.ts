import { posix } from 'node:path'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import type { ImageConfig } from '../formats/oci.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import { fileInMemory, streamedFile } from './image-file.ts'
import { type ImageTree, readTree } from './image-tree.ts'
import type { Layer } from './layer-entries.ts'
import { type LayerSource, layerSource } from './layer-source.ts'
import { documentsOfAnyAge } from './old-archive.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import { DOCUMENT_LIMIT, documentOf, type ImageDocument, missingFile, TOP_FILES } from './select-image.ts'
import { treeDigest } from './tree-digest.ts'

/** What an image is, whatever archive it was read from. */
export interface ImageSummary {
  /** Digest of the config. */
  id: string
  diffIDs: string[]
  /** Bytes of all layers, uncompressed. */
  size: number
  /** The tree digest. */
  tree: string
  config: ImageConfig
  /** Paths of the merged tree. */
  entries: number
}

/** As {@link readImageTree}, without the tree. */
export async function readImageArchive(
  stream: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<ImageSummary> {
  return summarize(await readImageTree(stream, options))
}

/** An image without its tree. */
export function summarize({ id, config, layers, root, tree }: ImageTree): ImageSummary {
  return {
    id,
    diffIDs: layers.map(({ diffID }) => diffID),
    size: layers.reduce((sum, { size }) => sum + size, 0),
    tree: treeDigest(root),
    config,
    entries: tree.count(),
  }
}

/**
 * Reads an image in one pass over what `docker save` or an OCI exporter writes: a tar of blobs in any order, layers
 * plain or compressed by gzip or zstd, perhaps compressed as a whole. Every blob is verified against its name and every
 * layer against the config. Memory grows with the number of files, not with their size, but for contents to keep.
 *
 * @throws {StillroomError} IMAGE_INVALID when the archive is cut short, damaged, ambiguous, or holds not just one
 *   image for the wanted platform
 */
export async function readImageTree(
  stream: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<ImageTree> {
  const budget = new Budget(options)
  const blobs = await readBlobs(stream, budget)
  if (!TOP_FILES.some((path) => blobs.has(path))) throw notAnImage(blobs)
  const find = (path: string) => blobs.get(normalize(path))
  const layer = async (path: string) => {
    const blob = find(path)
    if (blob === undefined) throw missingFile(path)
    if (blob.layer !== undefined) return blob.layer
    throw blob.problem ?? imageInvalid(`${quotePath(path)} is not a layer`)
  }
  const document = documentsOfAnyAge(
    async (path) => find(path),
    async (path) => (await layer(path)).diffID,
  )
  return readTree({ document, layer }, options)
}

/** What a file of an archive turned out to be. */
interface Blob extends ImageDocument {
  layer?: Layer
  /** Why it can't be read as a layer: a problem only for who needs it as one. */
  problem?: unknown
}

/** As engines unpack an archive into a directory. */
const normalize = (path: string) => posix.normalize(path).replace(/^\/+/, '')

/** Whether it looks like an archive of an image, as far as it was read. */
const isArchive = (blobs: ReadonlyMap<string, Blob>) =>
  [...blobs.keys()].some((path) =>
    /^blobs\/|(?:^|\/)layer\.tar$|^[^/]*\.(?:json|tar|tar\.gz)$|^repositories$/.test(path),
  )

function notAnImage(blobs: ReadonlyMap<string, Blob>): Error {
  const [path] = blobs.keys()
  if (path === undefined) return imageInvalid('The archive has no files: it holds no image')
  return imageInvalid(
    `The archive has no index.json and no manifest.json, but ${quotePath(path)}: it is no image, but perhaps a layer or ` +
      'a root file system, of which `docker import` makes an image',
  )
}

/** The files of an archive by path, those that are links too. */
async function readBlobs(stream: AsyncIterable<Uint8Array>, budget: Budget): Promise<Map<string, Blob>> {
  const layers = layerSource(budget)
  const blobs = new Map<string, Blob>()
  const refuse = (reason: string) => {
    throw isArchive(blobs) ? imageInvalid(reason) : notAnImage(blobs)
  }
  const links = new Map<string, string>()
  const archive = uncompressed(stream, budget)
  for await (const { member, content } of tarMembers(archive)) {
    const { name, flag, size, linkName } = member
    if (name.length > 4096) throw imageInvalid(`The archive has a path of ${name.length} bytes`)
    const path = normalize(name)
    if (flag === '5') continue
    if (blobs.has(path) || links.has(path)) refuse(`The archive has ${quotePath(path)} twice`)
    if (blobs.size + links.size >= FILE_LIMIT) refuse(`The archive has more than ${FILE_LIMIT} files`)
    if (flag === '2') links.set(path, posix.join(posix.dirname(path), linkName))
    else if (flag === '1') links.set(path, normalize(linkName))
    else if (flag === '0') blobs.set(path, await readBlob(path, size, content, layers, budget))
  }
  for (const [path, target] of links) {
    let found: string | undefined = target
    for (let hops = 0; hops < 8 && found !== undefined && !blobs.has(found); hops++) found = links.get(found)
    const blob = found === undefined ? undefined : blobs.get(found)
    if (blob !== undefined) blobs.set(path, blob)
  }
  return blobs
}

const FILE_LIMIT = 100_000

async function readBlob(
  path: string,
  size: number,
  content: AsyncIterable<Buffer>,
  layers: LayerSource,
  budget: Budget,
): Promise<Blob> {
  const bytes = size <= DOCUMENT_LIMIT ? await bytesOf(content) : undefined
  const document = bytes && documentOf(path, bytes, budget)
  if (document?.json !== undefined) return document
  const file = bytes === undefined ? streamedFile(path, size, content) : fileInMemory(path, bytes)
  try {
    const layer = await layers.layer(file)
    return { digest: layer.digest, layer }
  } catch (problem) {
    // thrown once more when that is why
    return { digest: await file.digest(), problem }
  }
}

async function bytesOf(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const bytes of pieces) parts.push(Buffer.from(bytes))
  return Buffer.concat(parts)
}
