import { createHash, type Hash, randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskError, type Hashed, moveInPlace } from './disk.ts'

/** A file that was written. */
export interface WrittenFile extends Hashed {
  path: string
}

export interface WriteOptions {
  /** Bytes of each file but the last, when there are to be several. */
  split?: { size: number; path: (number: number) => string } | undefined
  /** Called with the sum of all bytes when they are on the disk, and before a file has its name; may throw. */
  verify?: (whole: Hashed) => void
}

/**
 * Writes bytes to a file, or to several that follow one another, as a whole or not at all: they have other names until the
 * last byte is written.
 *
 * @throws {StillroomError} DISK_FULL, NOT_WRITABLE
 */
export async function writeHashed(
  signal: AbortSignal,
  path: string,
  content: AsyncIterable<Uint8Array>,
  { split, verify }: WriteOptions = {},
): Promise<Hashed & { files: WrittenFile[] }> {
  const written: (WrittenFile & { temporary: string })[] = []
  const whole = new Counter()
  try {
    await mkdir(dirname(path), { recursive: true })
    const rest = new Rest(content)
    do {
      signal.throwIfAborted()
      const name = split?.path(written.length + 1) ?? path
      const temporary = `${name}.${randomUUID()}.tmp`
      // known before there is anything to remove
      const file = { path: name, temporary, sha256: '', size: 0 }
      written.push(file)
      const next = rest.upTo(split?.size ?? Infinity, (bytes) => {
        signal.throwIfAborted()
        whole.add(bytes)
      })
      Object.assign(file, await writeNew(temporary, next))
    } while (!(await rest.isEmpty()))
    const sum = whole.result()
    verify?.(sum)
    for (const { temporary, path: name } of written) await moveInPlace(temporary, name)
    return { ...sum, files: written.map(({ temporary: _, ...file }) => file) }
  } catch (error) {
    for (const { temporary } of written) await rm(temporary, { force: true }).catch(() => {})
    throw signal.aborted ? signal.reason : diskError(error, path)
  } finally {
    await (content as AsyncGenerator<Uint8Array>).return?.(undefined)
  }
}

/** Writes bytes to a new file. */
export async function writeNew(
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<Hashed> {
  const counter = new Counter()
  await using handle = await open(path, 'wx', 0o644)
  for await (const bytes of content instanceof Uint8Array ? [content] : content) {
    counter.add(bytes)
    await handle.writeFile(bytes)
  }
  return counter.result()
}

/** Sums up bytes and their sha256. */
export class Counter {
  readonly #hash: Hash = createHash('sha256')
  #size = 0

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#size += bytes.length
  }

  result(): Hashed {
    return { sha256: this.#hash.digest('hex'), size: this.#size }
  }
}

/** Bytes that are taken in pieces of at most some length. */
class Rest {
  readonly #source: AsyncIterator<Uint8Array>
  #left: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async *upTo(most: number, onPiece: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
    for (let left = most; left > 0 && !(await this.isEmpty()); ) {
      const piece = this.#left.subarray(0, left)
      this.#left = this.#left.subarray(piece.length)
      left -= piece.length
      onPiece(piece)
      yield piece
    }
  }

  async isEmpty(): Promise<boolean> {
    while (this.#left.length === 0) {
      const { value, done } = await this.#source.next()
      if (done) return true
      this.#left = value
    }
    return false
  }
}
