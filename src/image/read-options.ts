import { imageInvalid } from './image-invalid.ts'

/** What is to be read of an image beyond its tree, and how. */
export interface ReadOptions {
  /**
   * Which regular files' content to keep: asked for each member of each layer, by its path below the root (latin1)
   * and its bytes. At most 64 MiB of one file and 512 MiB together.
   */
  keep?: (path: string, size: number) => boolean
  /** Of which regular files to take the md5, too: all, or those it says. */
  md5?: boolean | ((path: string) => boolean)
  /** Operating system and architecture of the image to take; `linux/amd64` when not said. */
  platform?: string
  /** Ends reading: the promise is rejected with its reason. */
  signal?: AbortSignal
}

/** Ends for hostile archives, each more than any image has; they hold for all layers of an archive together. */
const LIMITS = {
  members: 2_000_000,
  'bytes of names and attributes': 512 * 1024 ** 2,
  'bytes of JSON': 64 * 1024 ** 2,
  'bytes of files to keep': 512 * 1024 ** 2,
}

/** Counts what an archive makes its reader remember. */
export class Budget {
  readonly #used = new Map<keyof typeof LIMITS, number>()

  /** @throws {StillroomError} IMAGE_INVALID when that is more than a sound image needs */
  take(kind: keyof typeof LIMITS, count: number): void {
    const used = (this.#used.get(kind) ?? 0) + count
    if (used > LIMITS[kind]) throw imageInvalid(`The image has more than ${LIMITS[kind]} ${kind}`)
    this.#used.set(kind, used)
  }
}
