import { hash } from 'node:crypto'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import { type Descriptor, ImageConfig, Index, Manifest, SavedImages } from '../formats/oci.ts'
import { verifyName } from './image-file.ts'
import type { Budget } from './read-options.ts'

/** A document of an image; `json` is undefined when it does not look like JSON, or has too many bytes. */
export interface ImageDocument {
  digest: string
  json?: Buffer
}

/** Gives a document of an archive or layout by its path, verified by its name; undefined when there is no such file. */
export type Documents = (path: string) => Promise<ImageDocument | undefined>

/** Larger manifests and configs don't exist; what is larger is not kept. */
export const DOCUMENT_LIMIT = 4 * 1024 * 1024

/** Engines stop at 127. */
const LAYER_LIMIT = 1000

/** @throws {StillroomError} IMAGE_INVALID when the bytes are not what the path names, or too many of all documents */
export function documentOf(path: string, bytes: Buffer, budget: Budget): ImageDocument {
  const digest = verifyName(path, hash('sha256', bytes, 'hex'))
  if (bytes[0] !== 0x7b && bytes[0] !== 0x5b) return { digest }
  budget.take('bytes of JSON', bytes.length)
  return { digest, json: bytes }
}

/** Which files make an image. */
export interface SelectedImage {
  /** Digest of the config: the image ID. */
  id: string
  config: ImageConfig
  /** Digest of the manifest; a `docker save` of old has none. */
  manifest: string | undefined
  /** Lowest first: where each lies. */
  layers: string[]
}

/**
 * Finds the one image of an archive by its `index.json` (OCI image layout; an index in an index too) or, where there
 * is none, by the `manifest.json` of `docker save`; where there are both they must agree. Of several platforms
 * the wanted one is taken; attestations are no images. Layers are not asked for.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is no image, more than one, or a file is missing or is not what
 *   its digest says
 */
export async function selectImage(documents: Documents, platform = 'linux/amd64'): Promise<SelectedImage> {
  const byIndex = await fromIndex(documents, platform)
  const bySaved = await fromSaved(documents)
  const image = byIndex ?? bySaved
  if (image === undefined) {
    const old = await documents('repositories')
    throw imageInvalid(
      old === undefined
        ? 'The archive has no index.json and no manifest.json: it holds no image'
        : 'The archive has no manifest.json: Docker before 1.10 saved it, when images had no digests yet',
    )
  }
  if (bySaved !== undefined && bySaved.id !== image.id) {
    throw imageInvalid(`The archive's index.json names image ${image.id}, its manifest.json ${bySaved.id}`)
  }
  if (platformOf(image.config) !== platform) {
    throw imageInvalid(`Image ${image.id} is for ${platformOf(image.config)}, not ${platform}`)
  }
  if (image.layers.length > LAYER_LIMIT)
    throw imageInvalid(`Image ${image.id} has ${image.layers.length} layers`)
  const byConfig = image.config.rootfs.diff_ids.length
  if (byConfig === image.layers.length) return image
  throw imageInvalid(
    `Image ${image.id} has ${byConfig} layers by its config, ${image.layers.length} by its manifest`,
  )
}

/**
 * The document at a path.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is none or it is not what its digest says
 */
async function requireDocument(documents: Documents, path: string, digest?: string): Promise<ImageDocument> {
  const document = await documents(path)
  if (document === undefined) throw missingFile(path)
  if (digest === undefined || document.digest === digest) return document
  throw imageInvalid(
    `${quotePath(path)} is not what its name says: expected ${digest}, actual ${document.digest}`,
  )
}

/** The error that an image lacks a file. */
export function missingFile(path: string): Error {
  return imageInvalid(`The archive has no file ${quotePath(path)}: it is cut short or only part of an image`)
}

async function fromIndex(documents: Documents, wanted: string): Promise<SelectedImage | undefined> {
  const top = await documents('index.json')
  if (top === undefined) return undefined
  const manifests = await listManifests(documents, top, wanted)
  const images = new Map<string, SelectedImage>()
  for (const [manifest, { config, layers }] of manifests) {
    const document = await requireDocument(documents, pathOf(config), config.digest)
    const image = readConfig(document)
    if (platformOf(image) !== wanted) continue
    images.set(document.digest, { id: document.digest, config: image, manifest, layers: layers.map(pathOf) })
  }
  const [first] = images.values()
  if (first === undefined) throw imageInvalid(`The archive has no image for ${wanted}`)
  if (images.size > 1) throw severalImages([...images.keys()])
  return first
}

/** The manifests by digest that an index leads to, also through other indexes; each is visited once. */
async function listManifests(
  documents: Documents,
  top: ImageDocument,
  wanted: string,
): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>()
  const seen = new Set<string>()
  const visit = async ({ manifests: descriptors }: Index, depth: number): Promise<void> => {
    for (const descriptor of descriptors) {
      const { digest } = descriptor
      if (!isWanted(descriptor, wanted) || seen.has(digest)) continue
      seen.add(digest)
      const document = await requireDocument(documents, pathOf(descriptor), digest)
      const data = parseJson(document.json, digest)
      if (!isIndex(data)) manifests.set(digest, checkShape(Manifest, data, digest))
      else if (depth < 4) await visit(checkShape(Index, data, digest), depth + 1)
      else throw imageInvalid('The archive has indexes in indexes, deeper than any image has')
    }
  }
  await visit(checkShape(Index, parseJson(top.json, 'index.json'), 'index.json'), 0)
  return manifests
}

async function fromSaved(documents: Documents): Promise<SelectedImage | undefined> {
  const list = await documents('manifest.json')
  if (list === undefined) return undefined
  const saved = checkShape(SavedImages, parseJson(list.json, 'manifest.json'), 'manifest.json')
  const images = new Map<string, SelectedImage>()
  for (const { Config, Layers } of saved) {
    const named = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1]
    const document = await requireDocument(
      documents,
      Config,
      named === undefined ? undefined : `sha256:${named}`,
    )
    const image = { id: document.digest, config: readConfig(document), manifest: undefined, layers: Layers }
    images.set(document.digest, image)
  }
  const [first] = images.values()
  if (first === undefined) throw imageInvalid('The archive has no image')
  if (images.size > 1) throw severalImages([...images.keys()])
  return first
}

const severalImages = (ids: string[]) =>
  imageInvalid(
    `The archive has ${ids.length} images: ${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', ...' : ''}`,
  )

/** Attestations are marked `unknown/unknown` by BuildKit; an index may leave the platform to the config. */
function isWanted({ platform }: Descriptor, wanted: string): boolean {
  return platform === undefined || platformOf(platform) === wanted
}

const platformOf = ({ os, architecture }: { os: string; architecture: string }) => `${os}/${architecture}`

function isIndex(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'manifests' in data
}

const readConfig = (document: ImageDocument) =>
  checkShape(ImageConfig, parseJson(document.json, `config ${document.digest}`), `config ${document.digest}`)

const pathOf = ({ digest }: Pick<Descriptor, 'digest'>) => `blobs/${digest.replace(':', '/')}`
