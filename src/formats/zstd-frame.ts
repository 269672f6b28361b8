import { imageInvalid } from './image-invalid.ts'

/** Whether bytes begin a frame that holds nothing to unpack (RFC 8878, 3.1.2 "Skippable Frames"). */
export function isSkippable(head: Uint8Array): boolean {
  return ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18
}

/**
 * Finds where a frame of zstd ends (RFC 8878, 3.1 "Frames"), which Node does not tell: it is fed with the bytes from the
 * frame's begin on, in pieces of any size.
 */
export class ZstdFrame {
  ended = false
  /** Bytes of the part that is being read; parts are a few bytes long. */
  readonly #part = Buffer.alloc(8)
  #filled = 0
  #wanted = 4
  #next: (part: Buffer) => void = (part) => this.#magic(part)
  /** Bytes to pass over before the next part. */
  #skip = 0
  #hasChecksum = false

  /**
   * @returns how many of these bytes belong to the frame
   * @throws {StillroomError} IMAGE_INVALID when they are not of a frame
   */
  read(bytes: Buffer): number {
    let at = 0
    while (true) {
      const skipped = Math.min(this.#skip, bytes.length - at)
      this.#skip -= skipped
      at += skipped
      if (this.#skip === 0 && this.#wanted === 0) {
        this.ended = true
        return at
      }
      if (at === bytes.length) return at
      const copied = Math.min(this.#wanted - this.#filled, bytes.length - at)
      bytes.copy(this.#part, this.#filled, at, at + copied)
      this.#filled += copied
      at += copied
      if (this.#filled < this.#wanted) return at
      this.#filled = 0
      this.#next(this.#part)
    }
  }

  #then(wanted: number, next: (part: Buffer) => void): void {
    this.#wanted = wanted
    this.#next = next
  }

  #end(): void {
    this.#wanted = 0
  }

  #magic(part: Buffer): void {
    if (isSkippable(part)) {
      this.#then(4, (size) => {
        this.#skip = size.readUInt32LE(0)
        this.#end()
      })
    } else if (part.readUInt32LE(0) === 0xfd2fb528)
      this.#then(1, ([descriptor = 0]) => this.#header(descriptor))
    else throw imageInvalid('A zstd frame has a wrong magic')
  }

  /** Frame_Header_Descriptor. */
  #header(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0
    this.#hasChecksum = (descriptor & 4) !== 0
    const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number
    const dictionary = [0, 1, 2, 4][descriptor & 3] as number
    this.#skip = (isSingleSegment ? 0 : 1) + dictionary + contentSize
    this.#then(3, (part) => this.#block(part))
  }

  #block(part: Buffer): void {
    const header = part.readUIntLE(0, 3)
    const [isLast, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3]
    if (type === 3) throw imageInvalid('A zstd frame has a block of an unknown type')
    // a run of one byte is that byte
    this.#skip = type === 1 ? 1 : size
    if (!isLast) return
    if (this.#hasChecksum) this.#skip += 4
    this.#end()
  }
}
