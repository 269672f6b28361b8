import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { imageInvalid } from '../formats/image-invalid.ts'
import { readRange } from './disk-file.ts'
import { type ImageFile, verifyName } from './image-file.ts'
import type { OpenFile } from './image-tree.ts'
import { indexArchive } from './index-archive.ts'

/** One of the files on disk whose bytes, one file after the other, are those of an archive. */
export interface FilePart {
  path: string
  size: number
  /** See `fileState`: what is read must be what was there first. */
  state: string
}

/** An archive that lies on disk in one file, or in several that follow one another. */
export class JoinedFile {
  readonly parts: readonly FilePart[]
  readonly size: number

  constructor(parts: readonly FilePart[]) {
    this.parts = parts
    this.size = parts.reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * Its bytes from a place on; a piece takes the memory of the last but one.
   *
   * @param onPart told when the bytes of a part begin
   * @throws {StillroomError} IMAGE_UNREADABLE
   */
  async *bytes(from = 0, size = this.size - from, onPart?: (part: FilePart) => void): AsyncGenerator<Buffer> {
    let start = 0
    for (const part of this.parts) {
      const [begin, end] = [Math.max(from, start), Math.min(from + size, start + part.size)]
      if (begin < end) {
        onPart?.(part)
        yield* readRange({ path: part.path, state: part.state, from: begin - start, size: end - begin })
      }
      start += part.size
    }
  }

  /** As a file handle reads: fewer bytes than asked for only at the end. */
  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    let bytesRead = 0
    for await (const bytes of this.bytes(position, Math.min(length, this.size - position)))
      bytesRead += bytes.copy(buffer, offset + bytesRead)
    return { bytesRead }
  }

  /** Gives the files of the archive; undefined when it is not a plain archive of files and links to them, sound to its end. */
  async open(): Promise<OpenFile | undefined> {
    const places = await indexArchive(this, { links: true })
    if (places === undefined) return undefined
    return async (path) => {
      const place = places.get(posix.normalize(path).replace(/^\/+/, ''))
      return place && this.#file(path, place)
    }
  }

  #file(path: string, { from, size }: { from: number; size: number }): ImageFile {
    const read = () => this.bytes(from, size)
    const digest = async () => {
      const hash = createHash('sha256')
      let count = 0
      for await (const bytes of read()) {
        hash.update(bytes)
        count += bytes.length
      }
      if (count !== size) throw imageInvalid(`The archive ends before the end of ${path}`)
      return verifyName(path, hash.digest('hex'))
    }
    return { path, size, read, digest }
  }
}
