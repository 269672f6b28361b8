import { createHash, type Hash } from 'node:crypto'
import { StillroomError } from '../error.ts'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid, locateError, quotePath } from '../formats/image-invalid.ts'
import { BLOCK, isTarHeader, isZeroBlock } from '../formats/tar/tar-header.ts'
import { digestOf, type ImageFile } from './image-file.ts'
import type { Layer } from './layer-entry.ts'
import { packLayer, unpackLayer } from './layer-index.ts'
import { LayerReader } from './layer-reader.ts'
import type { Budget, LayerCache } from './read-options.ts'

/** Gives layers of an image. */
export interface LayerSource {
  /**
   * What a file of an image holds, once it was read; other threads may still take digests.
   *
   * @throws {StillroomError} IMAGE_INVALID when its bytes have another digest than it is named by, or are no layer
   */
  layer(file: ImageFile): Promise<UnverifiedLayer>
}

export interface UnverifiedLayer {
  /**
   * Resolved once all bytes were verified against the digest that the file is named by. Whoever does not wait for it need not
   * handle its rejection.
   *
   * @throws {StillroomError} IMAGE_INVALID when they have another
   */
  verified: Promise<Layer>
}

function unverified(verified: Promise<Layer>): UnverifiedLayer {
  verified.catch(() => {})
  return { verified }
}

type LayerContents = Omit<Layer, 'digest' | 'diffID'> & {
  /** Of the unpacked archive; undefined when it was not packed. */
  diffID?: string
  /** Resolved when the entries have all their digests. */
  digested: Promise<unknown>
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

  async layer(file: ImageFile): Promise<UnverifiedLayer> {
    const read = await this.#read(file).catch((error: unknown) => {
      if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') return error
      throw error
    })
    const verified = unverified(this.#verify(file, read))
    // what is no layer ends the reading of its image
    if (read instanceof StillroomError) await verified.verified
    return verified
  }

  async #verify(file: ImageFile, read: LayerContents | StillroomError): Promise<Layer> {
    // that it is another file than its name says comes before all that may be wrong in it
    const digest = await file.digest()
    if (read instanceof StillroomError) throw read
    const { digested, ...contents } = read
    await digested
    return { ...contents, digest, diffID: contents.diffID ?? digest }
  }

  async #read(file: ImageFile): Promise<LayerContents> {
    let hash: Hash | undefined
    let size = 0
    const { parts } = file
    const elsewhere = (from: number, length: number, padded: number) =>
      // of a layer that is packed, parts of the file are none of its files; one that is cut short is read to where it ends
      hash === undefined && from + padded <= file.size ? parts?.sha256(from, length) : undefined
    const reader = new LayerReader(this.#budget, elsewhere)
    const jump = () => {
      const passed = reader.jump()
      size += passed
      return passed
    }
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
      for await (const bytes of uncompressed(parts?.read(jump) ?? file.read(), limit)) {
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
    const diffID = hash && `sha256:${hash.digest('hex')}`
    return { size, entries: reader.entries, digested: reader.digested(), ...(diffID && { diffID }) }
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

  async layer(file: ImageFile): Promise<UnverifiedLayer> {
    const name = digestOf(file.path)
    if (name === undefined) return this.#layers.layer(file)
    const packed = await this.#cache.get(name)
    const known = packed && unpackLayer(packed, this.#budget)
    if (known !== undefined) return unverified(file.digest().then((digest) => ({ ...known, digest })))
    const { verified } = await this.#layers.layer(file)
    const keep = async (layer: Layer) => {
      await this.#cache.put(name, packLayer(layer))
      return layer
    }
    return unverified(verified.then(keep))
  }
}

/** Keeps layers as long as it lives. */
export class MemoryLayerCache implements LayerCache {
  readonly #layers = new Map<string, Buffer>()

  async get(digest: string): Promise<Buffer | undefined> {
    return this.#layers.get(digest)
  }

  async put(digest: string, parts: Iterable<Buffer>): Promise<void> {
    this.#layers.set(digest, Buffer.concat([...parts]))
  }
}
