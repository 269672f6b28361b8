import type { z } from 'zod'
import { describeIssues, formatIssues } from '../recipe/describe-issues.ts'
import type { Blob } from './blob-reader.ts'
import { imageInvalid, quotePath } from './image-invalid.ts'
import { type Descriptor, ImageConfig, Index, Manifest, SavedImages } from './schema.ts'

/** Which files of an archive make the image. */
export interface SelectedImage {
  /** Digest of the config: the image ID. */
  id: string
  config: ImageConfig
  /** Lowest first. */
  layers: Blob[]
}

/**
 * Finds the one image of an archive by its `index.json` (OCI image layout; an index in an index too) or, where there
 * is none, by the `manifest.json` of `docker save`; where there are both they must agree. Of several platforms
 * the wanted one is taken; attestations are no images.
 *
 * @throws {StillroomError} IMAGE_INVALID when there is no image, more than one, or a file is missing or is not what
 *   its digest says
 */
export function selectImage(files: ReadonlyMap<string, Blob>, platform = 'linux/amd64'): SelectedImage {
  const byIndex = files.has('index.json') ? fromIndex(files, platform) : undefined
  const bySaved = files.has('manifest.json') ? fromSaved(files) : undefined
  const image = byIndex ?? bySaved
  if (image === undefined)
    throw imageInvalid('The archive has no index.json and no manifest.json: it holds no image')
  if (bySaved !== undefined && bySaved.id !== image.id) {
    throw imageInvalid(`The archive's index.json names image ${image.id}, its manifest.json ${bySaved.id}`)
  }
  if (platformOf(image.config) !== platform) {
    throw imageInvalid(`Image ${image.id} is for ${platformOf(image.config)}, not ${platform}`)
  }
  const expected = image.config.rootfs.diff_ids
  const actual = image.layers.map(diffID)
  if (expected.length !== actual.length) {
    throw imageInvalid(
      `Image ${image.id} has ${expected.length} layers by its config, ${actual.length} by its manifest`,
    )
  }
  for (const [i, digest] of expected.entries()) {
    if (actual[i] === digest) continue
    throw imageInvalid(
      `Layer ${i + 1} of image ${image.id} is not what its config says: expected ${digest}, actual ${actual[i]}`,
    )
  }
  return image
}

function fromIndex(files: ReadonlyMap<string, Blob>, wanted: string): SelectedImage {
  const manifests = new Map<string, Manifest>()
  const collect = (descriptors: readonly Descriptor[], depth: number): void => {
    for (const descriptor of descriptors) {
      if (!isWanted(descriptor, wanted)) continue
      const blob = blobOf(files, descriptor)
      const data = json(blob, descriptor.digest)
      if (!isIndex(data)) manifests.set(blob.digest, check(Manifest, data, descriptor.digest))
      else if (depth < 4) collect(check(Index, data, descriptor.digest).manifests, depth + 1)
      else throw imageInvalid('The archive has indexes in indexes, deeper than any image has')
    }
  }
  collect(check(Index, json(fileAt(files, 'index.json'), 'index.json'), 'index.json').manifests, 0)
  const images = [...manifests.values()]
    .map((manifest) => {
      const config = blobOf(files, manifest.config)
      return { id: config.digest, config: readConfig(config), manifest }
    })
    .filter(({ config }) => platformOf(config) === wanted)
  const [first] = images
  if (first === undefined) throw imageInvalid(`The archive has no image for ${wanted}`)
  if (images.some(({ id }) => id !== first.id)) {
    throw imageInvalid(`The archive has ${images.length} images: ${images.map(({ id }) => id).join(', ')}`)
  }
  return {
    id: first.id,
    config: first.config,
    layers: first.manifest.layers.map((layer) => blobOf(files, layer)),
  }
}

function fromSaved(files: ReadonlyMap<string, Blob>): SelectedImage {
  const saved = check(SavedImages, json(fileAt(files, 'manifest.json'), 'manifest.json'), 'manifest.json')
  const images = saved.map(({ Config, Layers }) => {
    const config = fileAt(files, Config)
    const named = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1]
    if (named !== undefined && config.digest !== `sha256:${named}`)
      throw mismatch(Config, `sha256:${named}`, config)
    return { id: config.digest, config: readConfig(config), layers: Layers }
  })
  const [first] = images
  if (first === undefined) throw imageInvalid('The archive has no image')
  if (images.some(({ id }) => id !== first.id)) {
    throw imageInvalid(`The archive has ${images.length} images: ${images.map(({ id }) => id).join(', ')}`)
  }
  return { ...first, layers: first.layers.map((path) => fileAt(files, path)) }
}

/** Attestations are marked `unknown/unknown` by BuildKit; an index may leave the platform to the config. */
function isWanted({ platform }: Descriptor, wanted: string): boolean {
  return platform === undefined || platformOf(platform) === wanted
}

const platformOf = ({ os, architecture }: { os: string; architecture: string }) => `${os}/${architecture}`

function isIndex(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'manifests' in data
}

function readConfig(blob: Blob): ImageConfig {
  return check(ImageConfig, json(blob, blob.digest), `config ${blob.digest}`)
}

function diffID(blob: Blob, index: number): string {
  if (blob.layer !== undefined) return blob.layer.diffID
  throw (
    blob.problem ??
    imageInvalid(`Layer ${index + 1} is not a tar archive, plain or compressed by gzip or zstd`)
  )
}

function blobOf(files: ReadonlyMap<string, Blob>, { digest }: Descriptor): Blob {
  const path = `blobs/${digest.replace(':', '/')}`
  const blob = fileAt(files, path)
  if (blob.digest !== digest) throw mismatch(path, digest, blob)
  return blob
}

function fileAt(files: ReadonlyMap<string, Blob>, path: string): Blob {
  const blob = files.get(path)
  if (blob === undefined)
    throw imageInvalid(`The archive has no file ${quotePath(path)}: it is cut short or only part of an image`)
  return blob
}

function mismatch(path: string, expected: string, { digest }: Blob): Error {
  return imageInvalid(`${quotePath(path)} is not what its name says: expected ${expected}, actual ${digest}`)
}

function json(blob: Blob, name: string): unknown {
  if (blob.json === undefined) throw imageInvalid(`${name} is not JSON of a sensible size`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(blob.json))
  } catch (cause) {
    throw imageInvalid(`${name} is not JSON`, cause)
  }
}

function check<T>(schema: z.ZodType<T>, data: unknown, name: string): T {
  const result = schema.safeParse(data)
  if (result.success) return result.data
  throw imageInvalid(
    `${name} is not as the image specification has it:\n${formatIssues(describeIssues(result.error.issues, data))}`,
  )
}
