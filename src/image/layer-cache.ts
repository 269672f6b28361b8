import { join } from 'node:path'
import { FileCache } from '../store/file-cache.ts'
import type { LayerCache } from './read-options.ts'

/** Raised whenever what is kept would be read in another way. */
const FORMAT = 4
const LIMIT = 1024 ** 3
const UNUSED_AFTER = 30 * 24 * 3600 * 1000

/** Layers in the cache directory, by their digest. */
export function layerFiles(cache: string): FileCache {
  return new FileCache(join(cache, 'layers'), FORMAT, LIMIT)
}

/**
 * Keeps layers on the disk. Those that are new wait in memory until {@link save}, since they hold contents of files,
 * which may be secrets.
 */
export class DiskLayerCache implements LayerCache {
  readonly #files: FileCache
  readonly #given = new Set<string>()
  readonly #waiting = new Map<string, readonly Buffer[]>()

  /** @param cache the cache directory */
  constructor(cache: string) {
    this.#files = layerFiles(cache)
  }

  async get(digest: string): Promise<Buffer | undefined> {
    const waiting = this.#waiting.get(digest)
    if (waiting !== undefined) return Buffer.concat(waiting)
    const layer = await this.#files.get(nameOf(digest))
    if (layer !== undefined) this.#given.add(digest)
    return layer
  }

  async put(digest: string, parts: readonly Buffer[]): Promise<void> {
    this.#waiting.set(digest, parts)
  }

  /** Whether a layer was taken from the disk, and not read again since too little of it was kept. */
  isKnown(digest: string): boolean {
    return this.#given.has(digest) && !this.#waiting.has(digest)
  }

  /** Keeps the layers that are new, and forgets those that nothing used for a month. */
  async save(): Promise<void> {
    for (const [digest, parts] of this.#waiting) await this.#files.put(nameOf(digest), Buffer.concat(parts))
    this.#waiting.clear()
    await this.#files.clean(new Date(Date.now() - UNUSED_AFTER))
  }
}

const nameOf = (digest: string) => digest.slice('sha256:'.length)
