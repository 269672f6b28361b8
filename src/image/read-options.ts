import { imageInvalid } from '../formats/image-invalid.ts'
import { type Algorithm, type Digester, digestHere } from './digester.ts'
import type { KnownLayers } from './known-layers.ts'
import type { Layer, LayerEntry } from './layer-entry.ts'

/** All regular files, or those it says, by path below the root (latin1) and bytes. */
export type FileChoice = boolean | ((path: string, size: number) => boolean)

/** What is to be read of an image beyond its tree, and how. */
export interface ReadOptions {
  /**
   * Which regular files' content to keep: asked for each member of each layer. At most 64 MiB of one file and 512 MiB
   * together.
   */
  keep?: FileChoice
  /** How many bytes to keep of a file's beginning, of which not all is kept; 0 for none. */
  head?: (path: string) => number
  /** Of which regular files to take further digests. */
  md5?: FileChoice
  sha1?: FileChoice
  /** The object name that git gives the content in a SHA-1 repository. */
  gitBlob?: FileChoice
  /** Which members of layers are told of at all, all when not said; a layer's digest is taken of all its bytes. */
  retain?: (entry: LayerEntry) => boolean
  /** Layers that need not be read again, by the same choices; those that are read are added. Not with `accounts`. */
  known?: KnownLayers
  /** Layers of which the digest is enough; who gives these waits for the tree's `digested`. */
  accounts?: LayerAccounts
  /** Operating system and architecture of the image to take; `linux/amd64` when not said. */
  platform?: string
  /** Ends reading: the promise is rejected with its reason. */
  signal?: AbortSignal
  /** Takes the digests of whole blobs and the md5 of large files: reading is faster with one that works on another thread. */
  digester?: (algorithm: Algorithm) => Digester
}

/**
 * What layers hold, by the digest of their blob, from when they were read before. Of a layer that has an account only
 * the digest is taken: its bytes are the same, and so is all that was read from them.
 */
export interface LayerAccounts {
  /** The account of a layer, packed; undefined when there is none. */
  find(digest: string): Buffer | undefined
  /**
   * Called when a blob is taken for what its name says while its digest is still being taken: nothing that comes of it
   * may be believed until the promise is kept.
   */
  rely(digested: Promise<void>): void
  /** Called with each layer that was read, before its inodes become a tree's; digests may come later. */
  add(digest: string, layer: Layer): void
}

/** Ends for hostile archives, each more than any image has; they hold for all of an archive together. */
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

  constructor(options: ReadOptions = {}) {
    this.options = options
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

  /** For the sha256 of a blob. */
  digester(): Digester {
    return this.options.digester?.('sha256') ?? digestHere()
  }
}

/** Whether a choice takes a file; none takes nothing. */
export function chooses(choice: FileChoice | undefined, path: string, size: number): boolean {
  return typeof choice === 'function' ? choice(path, size) : choice === true
}
