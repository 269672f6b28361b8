import { createHash, hash } from 'node:crypto'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'

/** One file of an image: of an archive that streams by, or on disk. */
export interface ImageFile {
  /** In the archive or layout: bytes as latin1, perhaps hostile. */
  readonly path: string
  readonly size: number
  /** Its bytes, once; a piece may take the memory of the one before. */
  read(): AsyncIterable<Buffer>
  /**
   * The digest of all its bytes, `sha256:` and hex, whether they were read, or in part, or not.
   *
   * @param how `ahead` when it is only to be taken meanwhile, by another thread
   * @throws {StillroomError} IMAGE_INVALID when the path names another: `blobs/sha256/...`
   */
  digest(how?: { ahead: boolean }): Promise<string>
}

/** The digest that a file of an image has by its path. */
export function digestOf(path: string): string | undefined {
  const [, hex] = /^blobs\/sha256\/(.*)$/.exec(path) ?? []
  return hex === undefined ? undefined : `sha256:${hex}`
}

/** @throws {StillroomError} IMAGE_INVALID when the path names another digest */
export function verifyName(path: string, hex: string): string {
  const [expected, actual] = [digestOf(path), `sha256:${hex}`]
  if (expected === undefined || expected === actual) return actual
  throw imageInvalid(`${quotePath(path)} has other content: expected ${expected}, actual ${actual}`)
}

/** A file of a stream, which is hashed as it streams by. */
export function streamedFile(path: string, size: number, bytes: AsyncIterable<Uint8Array>): ImageFile {
  const hash = createHash('sha256')
  let failure: unknown
  async function* hashing(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of bytes) {
        hash.update(piece)
        yield Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.length)
      }
    } catch (error) {
      failure = error
      throw error
    }
  }
  const source = hashing()
  // without `return`: whoever stops early leaves the rest to be hashed
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) }
  const finish = async () => {
    for await (const _ of rest);
    if (failure !== undefined) throw failure
    return verifyName(path, hash.digest('hex'))
  }
  let digest: Promise<string> | undefined
  return {
    path,
    size,
    read: () => rest,
    digest: () => {
      digest ??= finish()
      return digest
    },
  }
}

/** A file whose bytes are there already. */
export function fileInMemory(path: string, bytes: Buffer): ImageFile {
  return {
    path,
    size: bytes.length,
    read: async function* () {
      yield bytes
    },
    digest: async () => verifyName(path, hash('sha256', bytes, 'hex')),
  }
}
