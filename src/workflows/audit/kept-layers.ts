import { createHash, hash, randomUUID } from 'node:crypto'
import { readFileSync, utimesSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packDigests, packLayer } from '../../image/layer-account.ts'
import type { Layer } from '../../image/layer-entry.ts'
import type { LayerAccounts } from '../../image/read-options.ts'
import { sweepAbandoned } from '../../store/disk.ts'

/** Raised whenever a kept account would be read in another way. */
const FORMAT = 2
const UNUSED_AFTER = 30 * 24 * 3600 * 1000
const CHECKSUM = 32

/**
 * Accounts of layers in the cache. Those of layers that are read now wait in temporary files until {@link keep}, since
 * they hold contents of files, which may be secrets.
 */
export class KeptLayers implements LayerAccounts {
  readonly #directory: string
  readonly #temporary: string
  readonly #waiting = new Map<string, { path: string; written: Promise<boolean> }>()
  #isDistrusted = false
  readonly #relied: Promise<void>[] = []

  /**
   * @param cache the cache directory
   * @param purpose what layers are read for: each has accounts of its own
   */
  constructor(cache: string, purpose: 'sha256' | 'md5') {
    this.#directory = join(cache, 'layers', `${FORMAT}`, purpose)
    this.#temporary = join(cache, 'layers', 'tmp')
  }

  find(digest: string): Buffer | undefined {
    if (this.#isDistrusted || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined
    const path = this.#pathOf(digest)
    try {
      const bytes = readFileSync(path)
      const packed = bytes.subarray(0, -CHECKSUM)
      if (!hash('sha256', packed, 'buffer').equals(bytes.subarray(-CHECKSUM))) return undefined
      utimesSync(path, new Date(), new Date())
      return packed
    } catch {
      // none, or not to be read: the layer is
      return undefined
    }
  }

  rely(digested: Promise<void>): void {
    this.#relied.push(digested)
  }

  /**
   * To be waited for before anything is told that may come of an account.
   *
   * @throws {StillroomError} IMAGE_INVALID when a layer is another than its name says
   */
  async confirmed(): Promise<void> {
    await Promise.all(this.#relied)
  }

  /** From now on none is found; those of layers that are read replace what was kept. */
  distrust(): void {
    this.#isDistrusted = true
  }

  add(digest: string, layer: Layer): void {
    if (this.#waiting.has(digest)) return
    const path = join(this.#temporary, randomUUID())
    this.#waiting.set(digest, { path, written: this.#write(path, layer) })
  }

  /** Keeps the accounts of the layers that were read, and forgets those that nothing used for a month. */
  async keep(): Promise<void> {
    await mkdir(this.#directory, { recursive: true }).catch(() => {})
    for (const [digest, { path, written }] of this.#waiting)
      if (await written) await rename(path, this.#pathOf(digest)).catch(() => {})
    await sweepAbandoned(this.#temporary)
    const now = Date.now()
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const path = join(this.#directory, name)
      const used = await stat(path).catch(() => undefined)
      if (used !== undefined && now - used.mtimeMs > UNUSED_AFTER)
        await rm(path, { force: true }).catch(() => {})
    }
  }

  /** Forgets the layers that were read and not kept, and leaves none of their files. */
  async discard(): Promise<void> {
    for (const { path, written } of this.#waiting.values()) {
      await written
      await rm(path, { force: true }).catch(() => {})
    }
    this.#waiting.clear()
  }

  /** Whether it was; an account that cannot be written costs the next audit time, and nothing else. */
  async #write(path: string, layer: Layer): Promise<boolean> {
    try {
      // at once: what it says of files may change with the layers above
      const told = packLayer(layer)
      await mkdir(this.#temporary, { recursive: true, mode: 0o700 })
      await writeFile(path, account(told, layer), { flag: 'wx', mode: 0o600 })
      return true
    } catch {
      return false
    }
  }

  #pathOf(digest: string): string {
    return join(this.#directory, digest.slice('sha256:'.length))
  }
}

/** What is kept of a layer; its digests may be waited for, and a checksum ends it. */
async function* account(told: Buffer[], layer: Layer): AsyncGenerator<Buffer> {
  const checksum = createHash('sha256')
  // one by one, so that none is remembered once it is written
  for (let part = told.shift(); part !== undefined; part = told.shift()) {
    checksum.update(part)
    yield part
  }
  await layer.digested
  const digests = packDigests(layer)
  yield digests
  yield checksum.update(digests).digest()
}
