import { imageInvalid } from '../formats/image-invalid.ts'

/** All regular files, or those it says, by path below the root (latin1) and bytes. */
export type FileChoice = boolean | ((path: string, size: number) => boolean)

/** Keeps what layers hold, as bytes, by the digest of their blob. */
export interface LayerCache {
  /** Bytes that whoever asked may change; undefined when there is nothing, or it is damaged. */
  get(digest: string): Promise<Buffer | undefined>
  /** Never rejected: what can't be kept costs time later, and nothing else. */
  put(digest: string, parts: Iterable<Buffer>): Promise<void>
}

/** What is to be read of an image beyond its tree, and how. */
export interface ReadOptions {
  /**
   * Which regular files' content to keep: asked for each member of each layer. At most 64 MiB of one file and 512 MiB
   * together.
   */
  keep?: FileChoice
  /** Contents to keep beyond these: of files that come first, so many bytes together. */
  keepFirst?: { files: FileChoice; bytes: number }
  /** How many bytes to keep of a file's beginning, of which not all is kept; 0 for none. */
  head?: (path: string) => number
  /** Of which regular files to take the sha256; of all when not said. */
  sha256?: FileChoice
  /** Of which regular files to take further digests. */
  md5?: FileChoice
  sha1?: FileChoice
  /** The object name that git gives the content in a SHA-1 repository. */
  gitBlob?: FileChoice
  /** Where layers are kept that were read; what is read is the same with and without. */
  cache?: LayerCache
  /**
   * DiffIDs of the layers of another image, lowest first. Where this one has all of them, and others, their own tree is
   * given, too: what this one was made from.
   */
  inner?: readonly string[]
  /** Operating system and architecture of the image to take; `linux/amd64` when not said. */
  platform?: string
  /** The name or ID of the image to take of several; see `WantedImage`. */
  name?: string
  /** Ends reading: the promise is rejected with its reason. */
  signal?: AbortSignal
}

/** Limits for hostile archives, each more than any image has; they hold for all of an archive together. */
const LIMITS = {
  members: 2_000_000,
  'bytes of names and attributes': 256 * 1024 ** 2,
  'bytes of JSON': 64 * 1024 ** 2,
  'bytes of files to keep': 512 * 1024 ** 2,
}

/** gzip can't do more than 1032 to one; zstd can. */
const EXPANSION_LIMIT = 1032
/** What any archive may unpack to, however small. */
const EXPANSION_FREE = 1024 ** 3

/** What reading one image may take: counts what its archive makes the reader remember and unpack. */
export class Budget {
  readonly options: ReadOptions
  readonly #used = new Map<keyof typeof LIMITS, number>()
  #packed = 0
  #unpacked = 0
  /** Bytes that `keepFirst` may still keep. */
  #remaining: number

  constructor(options: ReadOptions = {}) {
    this.options = options
    this.#remaining = options.keepFirst?.bytes ?? 0
  }

  /** Whether to keep a file's content; what is kept counts. */
  keeps(path: string, size: number): boolean {
    const { keep, keepFirst } = this.options
    if (chooses(keep, path, size)) return true
    if (size > this.#remaining || !chooses(keepFirst?.files, path, size)) return false
    this.#remaining -= size
    return true
  }

  /** @throws {StillroomError} IMAGE_INVALID when that is more than a sound image needs */
  take(kind: keyof typeof LIMITS, count: number): void {
    const used = (this.#used.get(kind) ?? 0) + count
    if (used > LIMITS[kind]) throw imageInvalid(`The image has more than ${LIMITS[kind]} ${kind}`)
    this.#used.set(kind, used)
  }

  /** Counts bytes as they lie on disk or come from the engine; ends reading when that is asked for. */
  received(bytes: number): void {
    this.options.signal?.throwIfAborted()
    this.#packed += bytes
  }

  /** The same pieces, each counted by {@link received}. */
  async *counted<T extends Uint8Array>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const bytes of pieces) {
      this.received(bytes.length)
      yield bytes
    }
  }

  /**
   * Counts bytes that came out of a decompressor, before they are read.
   *
   * @throws {StillroomError} IMAGE_INVALID when they are out of all proportion to what went in
   */
  unpacked(bytes: number): void {
    this.#unpacked += bytes
    if (this.#unpacked <= EXPANSION_FREE + EXPANSION_LIMIT * this.#packed) return
    throw imageInvalid(
      `The image unpacks to more than ${EXPANSION_LIMIT} times its size: ${this.#unpacked} bytes from ${this.#packed}`,
    )
  }
}

/** Whether a choice takes a file; none takes nothing. */
export function chooses(choice: FileChoice | undefined, path: string, size: number): boolean {
  return typeof choice === 'function' ? choice(path, size) : choice === true
}
