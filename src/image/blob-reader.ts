import { once } from 'node:events'
import { type Decompressor, decompressorFor } from '../formats/decompress.ts'
import { imageInvalid, locateError, quotePath } from '../formats/image-invalid.ts'
import { BLOCK, isTarHeader, isZeroBlock } from '../formats/tar/tar-header.ts'
import { type Digester, digestThere, type RangeDigester } from './digester.ts'
import { unpackLayer } from './layer-account.ts'
import type { Layer } from './layer-entry.ts'
import { LayerReader } from './layer-reader.ts'
import type { Budget } from './read-options.ts'

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

/** The digest that a file of an archive has by its path: `blobs/sha256/...`. */
export function digestOf(path: string): string | undefined {
  const [, hex] = /^blobs\/sha256\/(.*)$/.exec(path) ?? []
  return hex === undefined ? undefined : `sha256:${hex}`
}

/**
 * The layer that a file of an archive is by its path, when it has an account: unpacked while the digest is taken.
 *
 * @throws {StillroomError} IMAGE_INVALID; the promise is rejected with AccountTooShort
 */
function findAccount(name: string, budget: Budget): Promise<Layer> | undefined {
  const digest = digestOf(name)
  const packed = digest === undefined ? undefined : budget.options.accounts?.find(digest)
  if (packed === undefined) return undefined
  budget.take('bytes of files to keep', packed.length)
  const layer = unpackLayer(packed, budget.options)
  // awaited when the digest is there, which is never when the archive is damaged
  layer.catch(() => {})
  return layer
}

/**
 * The digest of a file of an archive, which is being taken; or the one that it is named by, when somebody relies on that
 * and waits for the other later.
 */
async function digestOrName(name: string, taken: Promise<string>, { options }: Budget): Promise<string> {
  const named = digestOf(name)
  if (named === undefined || options.accounts === undefined) return `sha256:${await taken}`
  const digested = taken.then((hex) => {
    if (`sha256:${hex}` !== named)
      throw imageInvalid(`The archive's blob ${quotePath(named)} has other content: sha256:${hex}`)
  })
  digested.catch(() => {})
  options.accounts.rely(digested)
  return named
}

/** Larger manifests and configs don't exist; what is larger is not kept. */
const JSON_LIMIT = 4 * 1024 * 1024

/**
 * Reads one file of an image archive while it streams by, by what its first bytes say it is: a layer (plain, gzip or
 * zstd), JSON, or nothing of interest. A layer that can't be read is a problem only for who needs it.
 */
export class BlobReader {
  readonly #name: string
  readonly #size: number
  readonly #budget: Budget
  readonly #elsewhere: RangeDigester | undefined
  /** The digest, when it is taken there. */
  readonly #there: Promise<string> | undefined
  readonly #digest: Digester
  /** What the blob holds if it has the digest that it is named by. */
  readonly #account: Promise<Layer> | undefined
  #head: Buffer | undefined = Buffer.alloc(0)
  #json: Buffer[] | undefined
  #layer: LayerReader | undefined
  #layerSize = 0
  #layerDigest: Digester
  #unzip: Decompressor | undefined
  #zipped = 0
  #unzipped: Promise<void> | undefined
  #problem: unknown

  /**
   * @param name of the file in the archive, for errors
   * @param size bytes of the file, as the archive announces them
   * @param elsewhere reads the same file
   */
  constructor(name: string, size: number, budget: Budget, elsewhere?: RangeDigester) {
    this.#name = name
    this.#size = size
    this.#budget = budget
    this.#elsewhere = elsewhere
    this.#there = elsewhere?.whole()
    // awaited when all bytes were read, which is never when they are damaged
    this.#there?.catch(() => {})
    this.#digest = this.#there === undefined ? budget.digester() : digestThere(this.#there)
    this.#layerDigest = this.#digest
    this.#account = findAccount(name, budget)
    if (this.#account !== undefined) this.#head = undefined
  }

  /** Whether the bytes must be written: not when another takes their digest, and what they hold is known. */
  get wantsBytes(): boolean {
    return this.#account === undefined || this.#there === undefined
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

  /**
   * Passes over bytes that another reads.
   *
   * @returns how many bytes of the blob are left out before more are written
   */
  skip(): number {
    if (this.#there === undefined || this.#unzip !== undefined || this.#problem !== undefined) return 0
    const skipped = this.#layer?.skip(this.#size - this.#layerSize) ?? 0
    this.#layerSize += skipped
    return skipped
  }

  /** Something to wait for before more bytes are written; undefined when nothing is. */
  drained(): Promise<unknown> | undefined {
    const unzip = this.#unzip
    if (unzip?.writableNeedDrain !== true || this.#problem !== undefined) return this.#digest.drained()
    return Promise.race([once(unzip, 'drain').catch(() => {}), this.#unzipped])
  }

  async end(): Promise<Blob> {
    this.#unzip?.end()
    await this.#unzipped
    // Node stops after the first zstd frame.
    if (this.#unzip !== undefined && this.#unzip.bytesWritten < this.#zipped) {
      this.#fail(imageInvalid('A compressed layer has more after its end: several zstd frames are not read'))
    }
    const digest =
      this.#there === undefined
        ? `sha256:${await this.#digest.digest()}`
        : await digestOrName(this.#name, this.#there, this.#budget)
    if (this.#account !== undefined)
      return digest === digestOf(this.#name) ? { digest, layer: await this.#account } : { digest }
    if (this.#json !== undefined) return { digest, json: Buffer.concat(this.#json) }
    if (this.#layer === undefined) return { digest }
    const layer = this.#layer
    this.#try(() => layer.close())
    const diffID = this.#unzip === undefined ? digest : `sha256:${await this.#layerDigest.digest()}`
    if (this.#problem !== undefined) return { digest, problem: this.#problem }
    const read: Layer = { diffID, size: this.#layerSize, entries: layer.entries }
    const digested = layer.digested()
    const { accounts } = this.#budget.options
    if (accounts === undefined) await digested
    else if (digested !== undefined) read.digested = digested
    if (digest === digestOf(this.#name)) accounts?.add(digest, read)
    return { digest, layer: read }
  }

  #recognize(head: Buffer): void {
    if (isTarHeader(head) || (head.length >= BLOCK && isZeroBlock(head))) {
      this.#layer = new LayerReader(this.#budget, this.#elsewhere)
      return
    }
    this.#unzip = decompressorFor(head)
    if (this.#unzip !== undefined) {
      this.#layer = new LayerReader(this.#budget)
      this.#layerDigest = this.#budget.digester()
      this.#unzipped = this.#readUnzipped(this.#unzip, this.#layer)
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
      // the decompressor reads later, when the caller may have new bytes there
      this.#unzip.write(Buffer.from(bytes))
    }
  }

  async #readUnzipped(unzip: Decompressor, layer: LayerReader): Promise<void> {
    try {
      for await (const bytes of unzip) {
        this.#try(() => this.#budget.unpacked(bytes.length))
        this.#layerDigest.update(bytes)
        this.#passLayer(layer, bytes)
        if (this.#problem !== undefined) break
        const drained = this.#layerDigest.drained()
        if (drained !== undefined) await drained
      }
    } catch (cause) {
      this.#fail(imageInvalid('A compressed layer is damaged or cut short', cause))
    }
  }

  #passLayer(layer: LayerReader, bytes: Buffer): void {
    this.#layerSize += bytes.length
    this.#try(() => layer.write(bytes))
  }

  #try(action: () => void): void {
    if (this.#problem !== undefined) return
    try {
      action()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const at = this.#layer?.offset ?? 0
    this.#problem ??= locateError(error, `in ${quotePath(this.#name)} at byte ${at} of its tar archive`)
  }
}
