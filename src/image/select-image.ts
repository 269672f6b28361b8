import { hash } from 'node:crypto'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import { ImageConfig, Index, Manifest, SavedImages } from '../formats/oci.ts'
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

/** What leads to an image, today and before Docker 1.10. */
export const TOP_FILES = ['index.json', 'manifest.json', 'repositories']

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

/** What is taken of several platforms when nobody says which. */
const DEFAULT_PLATFORM = 'linux/amd64'

/**
 * Finds the one image of an archive by its `index.json` (OCI image layout; an index in an index too) or, where that names
 * none, by its `manifest.json`: of `docker save`, or of skopeo's `dir:`. Where both name images they must agree. Layers
 * are not asked for. Signatures, attestations and other artifacts are no images.
 *
 * @param platform such as `linux/arm/v7`; when not said, `linux/amd64`, or that of the only image
 * @throws {StillroomError} IMAGE_INVALID when there is no image, more than one, or a file is missing or is not what
 *   its digest says
 */
export async function selectImage(documents: Documents, platform?: string): Promise<SelectedImage> {
  const wanted = platform ?? DEFAULT_PLATFORM
  let found = await findImages(documents, wanted)
  const [other] = found.others
  if (platform === undefined && found.images.size === 0 && found.others.size === 1)
    found = await findImages(documents, other as string)
  const [image] = found.images.values()
  if (image === undefined) throw noImage(wanted, found.others)
  if (found.images.size > 1) throw severalImages([...found.images.keys()])
  if (image.layers.length > LAYER_LIMIT)
    throw imageInvalid(`Image ${image.id} has ${image.layers.length} layers`)
  const byConfig = image.config.rootfs.diff_ids.length
  if (byConfig === image.layers.length) return image
  throw imageInvalid(
    `Image ${image.id} has ${byConfig} layers by its config, ${image.layers.length} by its manifest`,
  )
}

/** The images of a platform, by ID; and of which platforms there are others. */
interface Found {
  images: Map<string, SelectedImage>
  others: Set<string>
}

async function findImages(documents: Documents, wanted: string): Promise<Found> {
  const index = await documents('index.json')
  const list = await documents('manifest.json')
  if (index === undefined && list === undefined) throw await notAnArchive(documents)
  const byIndex = await fromIndex(documents, index, wanted)
  const byList = await fromManifestJson(documents, list, wanted)
  const isInIndex = byIndex.images.size + byIndex.others.size > 0
  const isInList = byList.images.size + byList.others.size > 0
  if (!isInIndex || !isInList) return isInIndex ? byIndex : byList
  const ids = [...byIndex.images.keys()]
  if (ids.length === 0 && byList.images.size === 0) return byIndex
  if (ids.some((id) => byList.images.has(id))) return byIndex
  const [named, listed] = [ids, [...byList.images.keys()]].map(
    (names) => names.join(', ') || `none for ${wanted}`,
  )
  throw imageInvalid(`The archive's index.json names image ${named}, its manifest.json ${listed}`)
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

async function notAnArchive(documents: Documents): Promise<Error> {
  const old = await documents('repositories')
  return imageInvalid(
    old === undefined
      ? 'The archive has no index.json and no manifest.json: it holds no image'
      : 'The archive has no manifest.json: Docker before 1.10 saved it, when images had no digests yet',
  )
}

const hexOf = (digest: string) => digest.slice('sha256:'.length)

/** Where files lie by their digests. */
interface Layout {
  manifest(digest: string): string
  blob(digest: string): string
}

const OCI: Layout = {
  manifest: (digest) => `blobs/${digest.replace(':', '/')}`,
  blob: (digest) => OCI.manifest(digest),
}
/** skopeo's `dir:`, with manifests of its own where an image has several platforms. */
const DIRECTORY: Layout = { manifest: (digest) => `${hexOf(digest)}.manifest.json`, blob: hexOf }

async function fromIndex(
  documents: Documents,
  index: ImageDocument | undefined,
  wanted: string,
): Promise<Found> {
  const search = new Search(documents, OCI, wanted)
  if (index !== undefined) await search.visit(parseJson(index.json, 'index.json'), 'index.json', index.digest)
  return search.found
}

async function fromManifestJson(
  documents: Documents,
  list: ImageDocument | undefined,
  wanted: string,
): Promise<Found> {
  const name = 'manifest.json'
  const search = new Search(documents, DIRECTORY, wanted)
  if (list === undefined) return search.found
  const data = parseJson(list.json, name)
  if (!Array.isArray(data)) {
    await search.visit(data, name, list.digest)
    return search.found
  }
  for (const { Config, Layers } of checkShape(SavedImages, data, name)) {
    const hex = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1]
    const document = await requireDocument(documents, Config, hex === undefined ? undefined : `sha256:${hex}`)
    search.add(document, undefined, Layers ?? [])
  }
  return search.found
}

/** Follows indexes to the images of a platform. */
class Search {
  readonly found: Found = { images: new Map(), others: new Set() }
  readonly #documents: Documents
  readonly #layout: Layout
  readonly #wanted: string
  readonly #seen = new Set<string>()

  constructor(documents: Documents, layout: Layout, wanted: string) {
    this.#documents = documents
    this.#layout = layout
    this.#wanted = wanted
  }

  /** An index, or a manifest; each is visited once. */
  async visit(data: unknown, name: string, digest: string, depth = 0): Promise<void> {
    if (!isIndex(data)) return this.#manifest(data, name, digest)
    if (depth > 4) throw imageInvalid('The archive has indexes in indexes, deeper than any image has')
    for (const descriptor of checkShape(Index, data, name).manifests ?? []) {
      const { platform } = descriptor
      if (this.#seen.has(descriptor.digest) || !this.#wants(platform)) continue
      this.#seen.add(descriptor.digest)
      const path = this.#layout.manifest(descriptor.digest)
      const document = await requireDocument(this.#documents, path, descriptor.digest)
      await this.visit(
        parseJson(document.json, descriptor.digest),
        descriptor.digest,
        descriptor.digest,
        depth + 1,
      )
    }
  }

  async #manifest(data: unknown, name: string, digest: string): Promise<void> {
    if (!isImage(data)) return
    const { config, layers } = checkShape(Manifest, data, name)
    const document = await requireDocument(this.#documents, this.#layout.blob(config.digest), config.digest)
    this.add(
      document,
      digest,
      layers.map((layer) => this.#layout.blob(layer.digest)),
    )
  }

  /** The image that has this config. */
  add(document: ImageDocument, manifest: string | undefined, layers: string[]): void {
    const name = `config ${document.digest}`
    const config = checkShape(ImageConfig, parseJson(document.json, name), name)
    if (this.#wants(config))
      this.found.images.set(document.digest, { id: document.digest, config, manifest, layers })
  }

  /** An index may leave the platform to the config. Attestations are marked `unknown/unknown` by BuildKit. */
  #wants(platform: Platform | null | undefined): boolean {
    if (!platform) return true
    const [short, long] = [platformOf(platform), `${platformOf(platform)}/${platform.variant ?? ''}`]
    if (short === this.#wanted || long === this.#wanted) return true
    // a config need not tell the variant that an index does
    if (!platform.variant && this.#wanted.startsWith(`${short}/`) && short !== '/') return true
    if (short !== 'unknown/unknown') this.found.others.add(platform.variant ? long : short)
    return false
  }
}

type Platform = { os: string; architecture: string; variant?: unknown }

const platformOf = ({ os, architecture }: Platform) => `${os}/${architecture}`

function noImage(wanted: string, others: ReadonlySet<string>): Error {
  return imageInvalid(
    others.size === 0
      ? `The archive has no image for ${wanted}, nor for another platform`
      : `The archive has no image for ${wanted}, but for ${[...others].slice(0, 20).join(', ')}: --platform chooses one`,
  )
}

const severalImages = (ids: string[]) =>
  imageInvalid(
    `The archive has ${ids.length} images: ${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', ...' : ''}`,
  )

function isIndex(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'manifests' in data
}

/** Of manifests with the media type of something else in them, signatures and the like, no engine makes a container. */
function isImage(data: unknown): boolean {
  const { config, layers } = (data ?? {}) as { config?: unknown; layers?: unknown }
  const has = (part: unknown, types: RegExp) => {
    const type = (part as { mediaType?: unknown } | null)?.mediaType
    return typeof type !== 'string' || type === '' || types.test(type)
  }
  return (
    has(config, CONFIG_TYPE) && (!Array.isArray(layers) || layers.every((layer) => has(layer, LAYER_TYPE)))
  )
}

const CONFIG_TYPE = /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\./
const LAYER_TYPE = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./
