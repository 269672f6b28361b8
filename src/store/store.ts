import { hash, randomUUID } from 'node:crypto'
import { open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createZstdCompress, zstdDecompress } from 'node:zlib'
import { StillroomError, systemCode, unlessMissing } from '../error.ts'
import {
  diskError,
  type Hashed,
  hashFile,
  linkOrCopy,
  makeDirectory,
  moveInPlace,
  sweepAbandoned,
  writing,
} from './disk.ts'
import { Counter, writeNew } from './write-hashed.ts'

const SHA256 = /^[0-9a-f]{64}$/
const READ_ONLY = 0o444
/** Bytes that a compressed entry may be of. */
const COMPRESSED_LIMIT = 1024 ** 3

/** Files kept by their sha256. Many processes may use one directory at once. */
export interface Store {
  /** The store's own directory. */
  readonly directory: string
  /** Where partial downloads lie. */
  readonly temporary: string
  /** Where an entry lies, or would. */
  path(sha256: string): string
  /** Whether there is an entry of this size. Its content is not looked at: see `verify`. */
  has(sha256: string, size: number): Promise<boolean>
  /** Keeps bytes. @throws StillroomError ARTIFACT_MISMATCH when they are not those expected; nothing is kept then. */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, expected?: Hashed): Promise<Hashed>
  /** Makes a complete file on the same file system an entry: synced, read-only, renamed. The caller has hashed it. */
  adopt(file: string, sha256: string): Promise<void>
  /** Hashes an entry again. A damaged one is removed; false then, and when there is none. */
  verify(expected: Hashed): Promise<boolean>
  /** Keeps bytes compressed, under the sha256 of what they are without compression. */
  putCompressed(content: Uint8Array | Iterable<Uint8Array>): Promise<Hashed>
  /** Whether there is such an entry. Its content is not looked at. */
  hasCompressed(sha256: string): Promise<boolean>
  /** What was kept compressed, hashed again; undefined when there is none. A damaged entry is removed. */
  readCompressed(sha256: string): Promise<Buffer | undefined>
  /** Every entry, with the bytes that it takes and when it was put there. */
  entries(): AsyncIterable<{ sha256: string; size: number; since: Date }>
  /** Throws an entry away; it need not exist. */
  discard(sha256: string): Promise<void>
  /** Makes an entry appear at `destination`, replacing a file there: a hard link, or a copy when that cannot be. */
  link(sha256: string, destination: string): Promise<void>
}

/**
 * Opens a store. Nothing is written before there is something to keep, so a filled store may be read-only.
 * All functions @throws StillroomError DISK_FULL, NOT_WRITABLE.
 */
export async function openStore(directory: string): Promise<Store> {
  const root = resolve(directory)
  const temporary = join(root, 'tmp')
  const pathIn = (directory: string, sha256: string) => {
    if (!SHA256.test(sha256)) throw new TypeError(`not a sha256: "${sha256}"`)
    return join(root, directory, sha256.slice(0, 2), sha256)
  }
  const path = (sha256: string) => pathIn('sha256', sha256)
  const compressed = (sha256: string) => pathIn('zstd', sha256)
  await sweepAbandoned(temporary)

  const moveTo = async (destination: string, file: string) => {
    await makeDirectory(dirname(destination))
    await moveInPlace(file, destination, READ_ONLY)
  }
  const adopt = (file: string, sha256: string) => writing(root, () => moveTo(path(sha256), file))
  /** Gives what `write` gives, whose file is gone unless it was moved. */
  const aside = <T>(write: (file: string) => Promise<T>) =>
    writing(root, async () => {
      const file = join(temporary, `${randomUUID()}.put`)
      try {
        await makeDirectory(temporary)
        return await write(file)
      } finally {
        await rm(file, { force: true })
      }
    })

  return {
    directory: root,
    temporary,
    path,
    adopt,
    has: async (sha256, size) => {
      const entry = await stat(path(sha256)).catch(unlessMissing)
      return entry?.isFile() === true && entry.size === size
    },
    put: (source, expected) =>
      aside(async (file) => {
        const got = await writeNew(file, source)
        if (expected !== undefined) assertSame(expected, got)
        await adopt(file, got.sha256)
        return got
      }),
    putCompressed: (content) =>
      aside(async (file) => {
        const counter = new Counter()
        const parts = counted(content instanceof Uint8Array ? [content] : content, counter)
        await writeNew(file, Readable.from(parts, { objectMode: false }).pipe(createZstdCompress()))
        const kept = counter.result()
        await moveTo(compressed(kept.sha256), file)
        return kept
      }),
    hasCompressed: async (sha256) => (await stat(compressed(sha256)).catch(unlessMissing))?.isFile() === true,
    readCompressed: async (sha256) => {
      const file = compressed(sha256)
      const entry = await readFile(file).catch(unlessMissing)
      const bytes =
        entry &&
        (await promisify(zstdDecompress)(entry, { maxOutputLength: COMPRESSED_LIMIT }).catch(() => undefined))
      if (bytes !== undefined && hash('sha256', bytes, 'hex') === sha256) return bytes
      if (entry !== undefined) await writing(root, () => rm(file, { force: true }))
      return undefined
    },
    verify: (expected) => verifyEntry(path(expected.sha256), expected),
    entries: async function* () {
      yield* listEntries(join(root, 'sha256'))
      yield* listEntries(join(root, 'zstd'))
    },
    discard: (sha256) =>
      writing(root, async () => {
        for (const file of [path(sha256), compressed(sha256)]) await rm(file, { force: true })
      }),
    link: (sha256, destination) => writing(destination, () => linkOrCopy(path(sha256), destination)),
  }
}

function* counted(parts: Iterable<Uint8Array>, counter: Counter): Generator<Uint8Array> {
  for (const bytes of parts) {
    counter.add(bytes)
    yield bytes
  }
}

async function* listEntries(root: string) {
  for (const name of await readdir(root, { recursive: true }).catch(() => [])) {
    const sha256 = name.slice('ab/'.length)
    const entry = SHA256.test(sha256) ? await stat(join(root, name)).catch(unlessMissing) : undefined
    if (entry?.isFile()) yield { sha256, size: entry.size, since: entry.mtime }
  }
}

function assertSame(expected: Hashed, got: Hashed): void {
  if (expected.sha256 === got.sha256 && expected.size === got.size) return
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `expected sha256 ${expected.sha256} (${expected.size} bytes), got ${got.sha256} (${got.size} bytes)`,
    { details: { expected, got } },
  )
}

async function verifyEntry(path: string, expected: Hashed): Promise<boolean> {
  await using handle = await open(path, 'r').catch(unlessMissing)
  if (handle === undefined) return false
  const { size, ino } = await handle.stat()
  // EIO: the disk itself gave up on these bytes, which is damage like any other.
  const got = size === expected.size ? await hashFile(handle).catch(damaged) : undefined
  if (got?.sha256 === expected.sha256) return true
  // Another process may have put a sound file in its place meanwhile: remove only what was read.
  const now = await stat(path).catch(unlessMissing)
  if (now?.ino === ino) await writing(path, () => rm(path, { force: true }))
  return false
}

function damaged(error: unknown): undefined {
  if (systemCode(error) === 'EIO') return undefined
  throw diskError(error, 'the store')
}
