import { hash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sweepAbandoned } from './disk.ts'

const CHECKSUM = 32
/** What an entry takes of a disk beyond its bytes, at most. */
const BLOCK = 4096

/** What a cache holds. */
export interface CacheUsage {
  entries: number
  bytes: number
}

/**
 * Files by name in a directory, each with a checksum at its end. Those that were not used for longest go when there are
 * too many. Nothing fails: what cannot be read or written costs time later.
 */
export class FileCache {
  readonly #root: string
  readonly #directory: string
  readonly #temporary: string
  readonly #limit: number

  /**
   * @param root a directory of this cache alone
   * @param format raised when entries would be read in another way: {@link clean} removes those of others
   * @param limit how many bytes it may take of the disk
   */
  constructor(root: string, format: number, limit: number) {
    this.#root = root
    this.#directory = join(root, `${format}`)
    this.#temporary = join(this.#directory, 'tmp')
    this.#limit = limit
  }

  /** What is under a name; undefined when there is nothing or it is damaged. */
  async get(name: string): Promise<Buffer | undefined> {
    try {
      const path = this.#pathOf(name)
      const bytes = await readFile(path)
      const content = bytes.subarray(0, -CHECKSUM)
      if (!hash('sha256', content, 'buffer').equals(bytes.subarray(-CHECKSUM))) return undefined
      await utimes(path, new Date(), new Date())
      return content
    } catch {
      return undefined
    }
  }

  /** Whether there is something under a name, sound or damaged. */
  async has(name: string): Promise<boolean> {
    return access(this.#pathOf(name)).then(
      () => true,
      () => false,
    )
  }

  async put(name: string, content: Buffer): Promise<void> {
    const temporary = join(this.#temporary, randomUUID())
    try {
      const path = this.#pathOf(name)
      await mkdir(this.#temporary, { recursive: true, mode: 0o700 })
      const parts = [content, hash('sha256', content, 'buffer')]
      await writeFile(temporary, parts, { flag: 'wx', mode: 0o600 })
      // not synced: what a loss of power leaves of it fails its checksum
      await rename(temporary, path)
    } catch {
      await rm(temporary, { force: true }).catch(() => {})
    }
  }

  async usage(): Promise<CacheUsage> {
    return sum(await this.#entries())
  }

  /** Removes what was not used since a day, and then what was not used for longest, until the rest is within the limit. */
  async clean(since: Date, { dryRun = false } = {}): Promise<{ removed: CacheUsage; kept: CacheUsage }> {
    const entries = (await this.#entries()).sort((a, b) => b.used - a.used)
    let remaining = this.#limit
    const removed: Entry[] = []
    const kept: Entry[] = []
    for (const entry of entries) {
      remaining -= entry.bytes + BLOCK
      const isWanted =
        dirname(entry.path) === this.#directory && entry.used >= since.getTime() && remaining >= 0
      if (isWanted) kept.push(entry)
      else removed.push(entry)
    }
    if (!dryRun) {
      for (const { path } of removed) await rm(path, { force: true }).catch(() => {})
      await sweepAbandoned(this.#temporary)
    }
    return { removed: sum(removed), kept: sum(kept) }
  }

  async #entries(): Promise<Entry[]> {
    const found: Entry[] = []
    for (const name of await readdir(this.#root, { recursive: true }).catch(() => [])) {
      const path = join(this.#root, name)
      const stats = await stat(path).catch(() => undefined)
      if (stats?.isFile() && dirname(path) !== this.#temporary)
        found.push({ path, bytes: stats.size, used: stats.mtimeMs })
    }
    return found
  }

  #pathOf(name: string): string {
    if (!/^[0-9a-f]{64}$/.test(name)) throw new Error(`"${name}" is not the name of an entry`)
    return join(this.#directory, name)
  }
}

interface Entry {
  path: string
  bytes: number
  /** Milliseconds since 1970. */
  used: number
}

const sum = (entries: readonly Entry[]): CacheUsage => ({
  entries: entries.length,
  bytes: entries.reduce((total, { bytes }) => total + bytes, 0),
})
