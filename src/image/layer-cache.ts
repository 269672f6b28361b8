import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { constants, createZstdCompress } from 'node:zlib'
import { decompress } from '../formats/decompress.ts'
import { FileCache } from '../store/file-cache.ts'
import type { LayerCache } from './read-options.ts'

/** Raised whenever what is kept would be read in another way. */
const FORMAT = 6
const LIMIT = 1024 ** 3
const UNUSED_AFTER = 30 * 24 * 3600 * 1000

/** Layers in the cache directory, by their digest. */
export function layerFiles(cache: string): FileCache {
  return new FileCache(join(cache, 'layers'), FORMAT, LIMIT)
}

/**
 * Keeps layers on the disk, compressed. Those that are new wait in memory until {@link save}, since they hold contents of
 * files, which may be secrets.
 */
export class DiskLayerCache implements LayerCache {
  readonly #files: FileCache
  readonly #given = new Set<string>()
  readonly #waiting = new Map<string, Buffer>()

  /** @param cache the cache directory */
  constructor(cache: string) {
    this.#files = layerFiles(cache)
  }

  async get(digest: string): Promise<Buffer | undefined> {
    const waiting = this.#waiting.get(digest)
    if (waiting !== undefined) return decompress(waiting)
    const layer = await this.#files.get(nameOf(digest)).then((bytes) => bytes && decompress(bytes))
    if (layer !== undefined) this.#given.add(digest)
    return layer
  }

  async put(digest: string, parts: Iterable<Buffer>): Promise<void> {
    this.#waiting.set(digest, await compress(parts))
  }

  /** Whether a layer was taken from the disk, and not read again since too little of it was kept. */
  isKnown(digest: string): boolean {
    return this.#given.has(digest) && !this.#waiting.has(digest)
  }

  /** Keeps the layers that are new, and forgets those that nothing used for a month. */
  async save(): Promise<void> {
    for (const [digest, bytes] of this.#waiting) await this.#files.put(nameOf(digest), bytes)
    this.#waiting.clear()
    await this.#files.clean(new Date(Date.now() - UNUSED_AFTER))
  }
}

/** Part by part: all of them at once would take more memory than the image's tree. */
async function compress(parts: Iterable<Buffer>): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: 1 }
  return buffer(Readable.from(parts, { objectMode: false }).pipe(createZstdCompress({ params })))
}

const nameOf = (digest: string) => digest.slice('sha256:'.length)
