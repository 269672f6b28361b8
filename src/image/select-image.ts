import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import { type Descriptor, ImageConfig, Index, Manifest, SavedImages } from '../formats/oci.ts'
import type { Blob } from './blob-reader.ts'

/** Gives a file of an archive or layout by its path, read and hashed; undefined when there is none. */
export type Files = (path: string) => Promise<Blob | undefined>

/** Which files make an image. */
export interface SelectedImage {
  /** Digest of the config: the image ID. */
  id: string
  config: ImageConfig
  /** Digest of the manifest; a `docker save` of old has none. */
  manifest: string | undefined
  /** Lowest first: where each lies, and its digest where the manifest has one. */
  layers: { path: string; digest?: string }[]
}

/**
 * Finds the one image of an archive by its `index.json` (OCI image layout; an index in an index too) or, where there
 * is none, by the `manifest.json` of `docker save`; where there are both they must agree. Of several platforms
 * the wanted one is taken; attestations are no images. Layers are not asked for.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is no image, more than one, or a file is missing or is not what
 *   its digest says
 */
export async function selectImage(files: Files, platform = 'linux/amd64'): Promise<SelectedImage> {
  const byIndex = await fromIndex(files, platform)
  const bySaved = await fromSaved(files)
  const image = byIndex ?? bySaved
  if (image === undefined) {
    const old = await files('repositories')
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
  const byConfig = image.config.rootfs.diff_ids.length
  if (byConfig === image.layers.length) return image
  throw imageInvalid(
    `Image ${image.id} has ${byConfig} layers by its config, ${image.layers.length} by its manifest`,
  )
}

/**
 * The file at a path.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is none or it is not what its digest says
 */
export async function requireFile(files: Files, path: string, digest?: string): Promise<Blob> {
  const blob = await files(path)
  if (blob === undefined)
    throw imageInvalid(`The archive has no file ${quotePath(path)}: it is cut short or only part of an image`)
  if (digest === undefined || blob.digest === digest) return blob
  throw imageInvalid(
    `${quotePath(path)} is not what its name says: expected ${digest}, actual ${blob.digest}`,
  )
}

async function fromIndex(files: Files, wanted: string): Promise<SelectedImage | undefined> {
  const top = await files('index.json')
  if (top === undefined) return undefined
  const manifests = await listManifests(files, top, wanted)
  const images = new Map<string, SelectedImage>()
  for (const [manifest, { config, layers }] of manifests) {
    const blob = await requireFile(files, pathOf(config), config.digest)
    const image = readConfig(blob)
    if (platformOf(image) !== wanted) continue
    const places = layers.map(({ digest }) => ({ path: pathOf({ digest }), digest }))
    images.set(blob.digest, { id: blob.digest, config: image, manifest, layers: places })
  }
  const [first] = images.values()
  if (first === undefined) throw imageInvalid(`The archive has no image for ${wanted}`)
  if (images.size > 1) throw severalImages([...images.keys()])
  return first
}

/** The manifests by digest that an index leads to, also through other indexes; each is visited once. */
async function listManifests(files: Files, top: Blob, wanted: string): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>()
  const seen = new Set<string>()
  const visit = async ({ manifests: descriptors }: Index, depth: number): Promise<void> => {
    for (const descriptor of descriptors) {
      const { digest } = descriptor
      if (!isWanted(descriptor, wanted) || seen.has(digest)) continue
      seen.add(digest)
      const blob = await requireFile(files, pathOf(descriptor), digest)
      const data = parseJson(blob.json, digest)
      if (!isIndex(data)) manifests.set(digest, checkShape(Manifest, data, digest))
      else if (depth < 4) await visit(checkShape(Index, data, digest), depth + 1)
      else throw imageInvalid('The archive has indexes in indexes, deeper than any image has')
    }
  }
  await visit(checkShape(Index, parseJson(top.json, 'index.json'), 'index.json'), 0)
  return manifests
}

async function fromSaved(files: Files): Promise<SelectedImage | undefined> {
  const list = await files('manifest.json')
  if (list === undefined) return undefined
  const saved = checkShape(SavedImages, parseJson(list.json, 'manifest.json'), 'manifest.json')
  const images = new Map<string, SelectedImage>()
  for (const { Config, Layers } of saved) {
    const named = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1]
    const blob = await requireFile(files, Config, named === undefined ? undefined : `sha256:${named}`)
    const layers = Layers.map((path) => ({ path }))
    images.set(blob.digest, { id: blob.digest, config: readConfig(blob), manifest: undefined, layers })
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

const readConfig = (blob: Blob) =>
  checkShape(ImageConfig, parseJson(blob.json, `config ${blob.digest}`), `config ${blob.digest}`)

const pathOf = ({ digest }: Pick<Descriptor, 'digest'>) => `blobs/${digest.replace(':', '/')}`
