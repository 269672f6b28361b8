import { createHash, type Hash } from 'node:crypto'
import { StillroomError } from '../error.ts'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid, locateError, quotePath } from '../formats/image-invalid.ts'
import { BLOCK, isTarHeader, isZeroBlock } from '../formats/tar/tar-header.ts'
import { digestOf, type ImageFile } from './image-file.ts'
import type { Layer } from './layer-entries.ts'
import { packLayer, unpackLayer } from './layer-index.ts'
import { LayerReader } from './layer-reader.ts'
import type { Budget, LayerCache } from './read-options.ts'

/** Gives layers of an image. */
export interface LayerSource {
  /**
   * What a file of an image holds, once all its bytes were verified against the digest that it is named by.
   *
   * @throws {StillroomError} IMAGE_INVALID when they have another, or are no layer
   */
  layer(file: ImageFile): Promise<Layer>
}

/** What gives the layers of one image, with the cache that its options name. */
export function layerSource(budget: Budget): LayerSource {
  const { cache } = budget.options
  const reading = new LayerFiles(budget)
  return cache === undefined ? reading : new CachedLayers(reading, cache, budget)
}

/** Reads layers: tar archives, plain or compressed by gzip or zstd. */
class LayerFiles implements LayerSource {
  readonly #budget: Budget

  constructor(budget: Budget) {
    this.#budget = budget
  }

  async layer(file: ImageFile): Promise<Layer> {
    const read = await this.#read(file).catch((error: unknown) => {
      if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') return error
      throw error
    })
    // that it is another file than its name says comes before all that may be wrong in it
    const digest = await file.digest()
    if (read instanceof StillroomError) throw read
    return { ...read, digest, diffID: read.diffID ?? digest }
  }

  /** The digest of the unpacked archive is undefined when it was not packed. */
  async #read(file: ImageFile): Promise<Omit<Layer, 'digest' | 'diffID'> & { diffID?: string }> {
    const reader = new LayerReader(this.#budget)
    let hash: Hash | undefined
    let size = 0
    const limit = {
      // counted where bytes come from
      received: () => {},
      unpacked: (bytes: number) => {
        this.#budget.unpacked(bytes)
        hash ??= createHash('sha256')
      },
      rest: () => {
        throw imageInvalid('A compressed layer has more after its end')
      },
    }
    let head = Buffer.alloc(0)
    try {
      for await (const bytes of uncompressed(file.read(), limit)) {
        hash?.update(bytes)
        size += bytes.length
        if (head.length >= BLOCK) reader.write(bytes)
        else {
          head = Buffer.concat([head, bytes])
          if (head.length >= BLOCK) reader.write(requireTar(head, file))
        }
      }
      // engines take no bytes at all for a layer without files
      if (head.length > 0) {
        if (head.length < BLOCK) requireTar(head, file)
        reader.close()
      }
    } catch (error) {
      throw locateError(error, `in ${quotePath(file.path)} at byte ${reader.offset} of its tar archive`)
    }
    return { size, entries: reader.entries, ...(hash && { diffID: `sha256:${hash.digest('hex')}` }) }
  }
}

function requireTar(head: Buffer, { path }: ImageFile): Buffer {
  if (isTarHeader(head) || (head.length >= BLOCK && isZeroBlock(head))) return head
  throw imageInvalid(`${quotePath(path)} is not a tar archive, plain or compressed by gzip or zstd`)
}

/** Of a layer that is in the cache only the digest is taken: the same bytes hold the same. */
class CachedLayers implements LayerSource {
  readonly #layers: LayerSource
  readonly #cache: LayerCache
  readonly #budget: Budget

  constructor(layers: LayerSource, cache: LayerCache, budget: Budget) {
    this.#layers = layers
    this.#cache = cache
    this.#budget = budget
  }

  async layer(file: ImageFile): Promise<Layer> {
    const name = digestOf(file.path)
    if (name === undefined) return this.#layers.layer(file)
    const packed = await this.#cache.get(name)
    const known = packed && unpackLayer(packed, this.#budget)
    if (known !== undefined) return { ...known, digest: await file.digest() }
    const layer = await this.#layers.layer(file)
    await this.#cache.put(name, packLayer(layer))
    return layer
  }
}

/** Keeps layers as long as it lives. */
export class MemoryLayerCache implements LayerCache {
  readonly #layers = new Map<string, Buffer>()

  async get(digest: string): Promise<Buffer | undefined> {
    const layer = this.#layers.get(digest)
    return layer && Buffer.from(layer)
  }

  async put(digest: string, parts: Iterable<Buffer>): Promise<void> {
    this.#layers.set(digest, Buffer.concat([...parts]))
  }
}
