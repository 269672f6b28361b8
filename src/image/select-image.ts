import { hash } from 'node:crypto'
import { imageInvalid, imageNotChosen, quotePath } from '../formats/image-invalid.ts'
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

/** What leads to an image, today and before Docker 1.10. */
export const TOP_FILES = ['index.json', 'manifest.json', 'repositories']

/** Engines stop at 127. */
export const LAYER_LIMIT = 1000

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
  /** The config as it was read. */
  bytes: Buffer
  /** Digest of the manifest; a `docker save` of old has none. */
  manifest: string | undefined
  /** Lowest first: where each lies. */
  layers: string[]
  /** What the archive calls it, as Docker shows names: `app:1`. */
  names: Set<string>
}

/** Which image of an archive to take. */
export interface WantedImage {
  /** Operating system and architecture, such as `linux/arm/v7`; when not said, `linux/amd64`, or those of the only image. */
  platform?: string | undefined
  /** Its name, or its ID or how that begins; when not said, it must be the only one of its platform. */
  name?: string | undefined
}

/** What is taken of several platforms when nobody says which. */
const DEFAULT_PLATFORM = 'linux/amd64'

/**
 * Finds an image of an archive by its `index.json` (OCI image layout; an index in an index too) or, where that names
 * none, by its `manifest.json`: of `docker save`, or of skopeo's `dir:`. Where both name images they must agree. Layers
 * are not asked for. Signatures, attestations and other artifacts are no images.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is no such image, more than one, or a file is missing or is not what
 *   its digest says
 */
export async function selectImage(
  documents: Documents,
  { platform, name }: WantedImage = {},
): Promise<SelectedImage> {
  const wanted = platform ?? DEFAULT_PLATFORM
  let found = await findImages(documents, wanted)
  const [other] = found.others
  if (platform === undefined && found.images.size === 0 && found.others.size === 1) {
    const only = await findImages(documents, other as string)
    // an index may say another platform than the config that it leads to
    if (only.images.size > 0) found = only
  }
  const all = [...found.images.values()]
  const [image, another] = all.filter((each) => name === undefined || isCalled(each, name))
  if (all.length === 0) throw noImage(wanted, found.others)
  if (image === undefined || another !== undefined) throw notChosen(all, name)
  if (found.listed?.has(image.id) === false)
    throw imageInvalid(`The archive's index.json names image ${image.id}, its manifest.json does not`)
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
  /** IDs that `manifest.json` has, where `index.json` names images, too. */
  listed?: ReadonlySet<string>
}

async function findImages(documents: Documents, wanted: string): Promise<Found> {
  const index = await documents('index.json')
  const list = await documents('manifest.json')
  if (index === undefined && list === undefined)
    throw imageInvalid('The archive has no index.json and no manifest.json: it holds no image')
  const byIndex = await fromIndex(documents, index, wanted)
  const byList = await fromManifestJson(documents, list, wanted)
  const isInIndex = byIndex.images.size + byIndex.others.size > 0
  const isInList = byList.images.size + byList.others.size > 0
  if (!isInIndex || !isInList) return isInIndex ? byIndex : byList
  const ids = [...byIndex.images.keys()]
  if (ids.length === 0 && byList.images.size === 0) return byIndex
  if (ids.some((id) => byList.images.has(id))) {
    for (const [id, { names, layers }] of byList.images) {
      const image = byIndex.images.get(id)
      if (image === undefined) continue
      for (const name of names) image.names.add(name)
      // Docker 25.0.0 wrote the layers of its OCI manifests in any order, which the config does not allow
      if (isReordered(image.layers, layers)) image.layers = layers
    }
    return { ...byIndex, listed: new Set(byList.images.keys()) }
  }
  const [named, listed] = [ids, [...byList.images.keys()]].map(
    (names) => names.join(', ') || `none for ${wanted}`,
  )
  throw imageInvalid(`The archive's index.json names image ${named}, its manifest.json ${listed}`)
}

const isReordered = (one: readonly string[], other: readonly string[]) =>
  one.join() !== other.join() && one.toSorted().join() === other.toSorted().join()

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
  for (const { Config, Layers, RepoTags } of checkShape(SavedImages, data, name)) {
    // engines take the ID from the content, whatever the file is called
    const document = await requireDocument(documents, Config)
    search.add(document, undefined, Layers ?? [], stringsIn(RepoTags))
  }
  return search.found
}

/** Follows indexes to the images of a platform. */
class Search {
  readonly found: Found = { images: new Map(), others: new Set() }
  readonly #documents: Documents
  readonly #layout: Layout
  readonly #wanted: string
  /** Indexes and manifests by digest: IDs of the images that they lead to. */
  readonly #seen = new Map<string, string[]>()

  constructor(documents: Documents, layout: Layout, wanted: string) {
    this.#documents = documents
    this.#layout = layout
    this.#wanted = wanted
  }

  /**
   * An index, or a manifest; each is visited once.
   *
   * @param names of what leads to it
   * @returns IDs of the images found
   */
  async visit(
    data: unknown,
    name: string,
    digest: string,
    names: readonly string[] = [],
    depth = 0,
  ): Promise<string[]> {
    if (!isIndex(data)) return this.#manifest(data, name, digest, names)
    if (depth > 4) throw imageInvalid('The archive has indexes in indexes, deeper than any image has')
    const found: string[] = []
    for (const descriptor of checkShape(Index, data, name).manifests ?? []) {
      if (!this.#wants(descriptor.platform)) continue
      const all = [...names, ...namesIn(descriptor)]
      found.push(...(await this.#follow(descriptor.digest, all, depth)))
    }
    return found
  }

  async #follow(digest: string, names: readonly string[], depth: number): Promise<string[]> {
    const seen = this.#seen.get(digest)
    if (seen !== undefined) {
      for (const id of seen)
        for (const name of names) this.found.images.get(id)?.names.add(familiarName(name))
      return []
    }
    // before it is read: an index may name itself
    this.#seen.set(digest, [])
    const document = await requireDocument(this.#documents, this.#layout.manifest(digest), digest)
    const ids = await this.visit(parseJson(document.json, digest), digest, digest, names, depth + 1)
    this.#seen.set(digest, ids)
    return ids
  }

  async #manifest(data: unknown, name: string, digest: string, names: readonly string[]): Promise<string[]> {
    if (!isImage(data)) return []
    const { config, layers } = checkShape(Manifest, data, name)
    const document = await requireDocument(this.#documents, this.#layout.blob(config.digest), config.digest)
    const paths = layers.map((layer) => this.#layout.blob(layer.digest))
    return this.add(document, digest, paths, names)
  }

  /** The image that has this config. Of one that is given twice the last counts. */
  add(
    document: ImageDocument,
    manifest: string | undefined,
    layers: string[],
    names: readonly string[],
  ): string[] {
    const { digest: id, json: bytes = Buffer.alloc(0) } = document
    const config = checkShape(ImageConfig, parseJson(document.json, `config ${id}`), `config ${id}`)
    if (!this.#wants(config)) return []
    const known = this.found.images.get(id)?.names ?? []
    const all = new Set([...known, ...names.map(familiarName)])
    this.found.images.set(id, { id, config, bytes, manifest, layers, names: all })
    return [id]
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

const SHOWN = 8

function notChosen(all: readonly SelectedImage[], name: string | undefined): Error {
  const shown = all.slice(0, SHOWN).map(({ id, names }) => [...names].join(' = ') || id)
  const list = `${shown.join(', ')}${all.length > SHOWN ? ', ...' : ''}`
  const [first] = all as [SelectedImage]
  const [example = first.id.slice('sha256:'.length, 19)] = first.names
  return imageNotChosen(
    name === undefined
      ? `The archive has ${all.length} images: ${list}`
      : `The archive has not just one image that is called ${name}, but ${all.length} images: ${list}`,
    `put # and the name or ID of one of them behind the archive's: FILE#${example}`,
  )
}

/** Whether an image goes by a name, which is `latest` where it has no tag, or by how its ID begins. */
function isCalled({ id, names }: SelectedImage, wanted: string): boolean {
  const name = familiarName(wanted)
  if (names.has(name) || names.has(`${name}:latest`)) return true
  const [, hex] = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(wanted) ?? []
  return hex !== undefined && id.startsWith(`sha256:${hex}`)
}

/** As Docker shows it. */
const familiarName = (name: string) => name.replace(/^docker\.io\/(?:library\/)?/, '')

/** What an index calls an image: containerd's own name for it, or that of the OCI specification. */
function namesIn({ annotations }: Descriptor): string[] {
  const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name']
  return name === undefined ? [] : [name]
}

const stringsIn = (data: unknown) =>
  Array.isArray(data) ? data.filter((each) => typeof each === 'string') : []

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
