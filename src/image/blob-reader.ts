import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type Decompressor, decompressorFor } from './decompressor.ts'
import { imageInvalid } from './image-invalid.ts'
import type { LayerEntry } from './layer-entry.ts'
import { LayerReader } from './layer-reader.ts'
import type { Budget, ReadOptions } from './read-options.ts'
import { BLOCK, isTarHeader, isZeroBlock } from './tar-header.ts'

/** What one file of an image archive turned out to be. */
export interface Blob {
  /** Of the bytes as they lie in the archive. */
  digest: string
  /** Of a small file that looks like JSON. */
  json?: Buffer
  layer?: Layer
  /** Why a file that looks like a layer can't be read as one. */
  problem?: unknown
}

export interface Layer {
  /** Digest and bytes of the layer's archive, uncompressed. */
  diffID: string
  size: number
  entries: LayerEntry[]
}

/** Larger manifests and configs don't exist; what is larger is not kept. */
const JSON_LIMIT = 4 * 1024 * 1024
/** An end to archives that unpack to endless zeros. */
const LAYER_LIMIT = 128 * 1024 ** 3

/**
 * Reads one file of an image archive while it streams by, by what its first bytes say it is: a layer (plain, gzip or
 * zstd), JSON, or nothing of interest. A layer that can't be read is a problem only for who needs it.
 */
export class BlobReader {
  readonly #size: number
  readonly #options: ReadOptions
  readonly #budget: Budget
  readonly #digest = createHash('sha256')
  #head: Buffer | undefined = Buffer.alloc(0)
  #json: Buffer[] | undefined
  #layer: LayerReader | undefined
  #layerSize = 0
  #layerDigest = this.#digest
  #unzip: Decompressor | undefined
  #zipped = 0
  #unzipped: Promise<void> | undefined
  #problem: unknown

  /** @param size bytes of the file, as the archive announces them */
  constructor(size: number, options: ReadOptions, budget: Budget) {
    this.#size = size
    this.#options = options
    this.#budget = budget
  }

  /** Takes the next bytes; wait for {@link drained} before giving more. */
  write(bytes: Buffer): void {
    this.#digest.update(bytes)
    let next = bytes
    if (this.#head !== undefined) {
      next = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
      this.#head = next.length < Math.min(BLOCK, this.#size) ? Buffer.from(next) : undefined
      if (this.#head !== undefined) return
      this.#recognize(next)
    }
    this.#pass(next)
  }

  /** Whether {@link drained} has something to wait for. */
  get busy(): boolean {
    return this.#unzip?.writableNeedDrain === true && this.#problem === undefined
  }

  async drained(): Promise<void> {
    if (!this.busy || this.#unzip === undefined) return
    await Promise.race([once(this.#unzip, 'drain').catch(() => {}), this.#unzipped])
  }

  async end(): Promise<Blob> {
    this.#unzip?.end()
    await this.#unzipped
    // Node stops after the first zstd frame.
    if (this.#unzip !== undefined && this.#unzip.bytesWritten < this.#zipped) {
      this.#problem ??= imageInvalid(
        'A compressed layer has more after its end: several zstd frames are not read',
      )
    }
    const digest = `sha256:${this.#digest.digest('hex')}`
    if (this.#json !== undefined) return { digest, json: Buffer.concat(this.#json) }
    if (this.#layer === undefined) return { digest }
    const layer = this.#layer
    this.#try(() => layer.close())
    if (this.#problem !== undefined) return { digest, problem: this.#problem }
    const diffID = this.#unzip === undefined ? digest : `sha256:${this.#layerDigest.digest('hex')}`
    return { digest, layer: { diffID, size: this.#layerSize, entries: layer.entries } }
  }

  #recognize(head: Buffer): void {
    if (isTarHeader(head) || (head.length >= BLOCK && isZeroBlock(head))) {
      this.#layer = new LayerReader(this.#options, this.#budget)
      return
    }
    this.#unzip = decompressorFor(head)
    if (this.#unzip !== undefined) {
      this.#layer = new LayerReader(this.#options, this.#budget)
      this.#layerDigest = createHash('sha256')
      this.#unzipped = this.#readUnzipped(this.#unzip)
    } else if ((head[0] === 0x7b || head[0] === 0x5b) && this.#size <= JSON_LIMIT) {
      this.#json = []
    }
  }

  #pass(bytes: Buffer): void {
    if (this.#json !== undefined) this.#json.push(Buffer.from(bytes))
    else if (this.#layer === undefined || this.#problem !== undefined) return
    else if (this.#unzip === undefined) this.#passLayer(this.#layer, bytes)
    else {
      this.#zipped += bytes.length
      this.#unzip.write(bytes)
    }
  }

  async #readUnzipped(unzip: Decompressor): Promise<void> {
    try {
      for await (const bytes of unzip) {
        this.#layerDigest.update(bytes)
        this.#passLayer(this.#layer as LayerReader, bytes)
        if (this.#problem !== undefined) break
      }
    } catch (cause) {
      this.#problem ??= imageInvalid('A compressed layer is damaged or cut short', cause)
    }
  }

  #passLayer(layer: LayerReader, bytes: Buffer): void {
    this.#layerSize += bytes.length
    this.#try(() => {
      if (this.#layerSize > LAYER_LIMIT) throw imageInvalid(`A layer has more than ${LAYER_LIMIT} bytes`)
      layer.write(bytes)
    })
  }

  #try(action: () => void): void {
    if (this.#problem !== undefined) return
    try {
      action()
    } catch (error) {
      this.#problem = error
    }
  }
}
