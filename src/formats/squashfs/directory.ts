import { imageInvalid, quotePath } from '../image-invalid.ts'
import type { MetadataCursor } from './metadata.ts'

/** A name in a directory, and where its inode is. */
export interface DirectoryEntry {
  /** Bytes as latin1. */
  name: string
  block: number
  offset: number
  /** Of a short inode, as directories have it also of long ones. */
  type: number
}

/** A listing counts what is in every directory and is not stored, `.` and `..`, with this. */
const UNSTORED = 3
/** Entries that one header may have. */
const RUN = 256

/**
 * The names of a directory, in the order of their bytes, which is how Linux finds them.
 *
 * @param size as the directory's inode has it
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function* readDirectory(cursor: MetadataCursor, size: number): AsyncGenerator<DirectoryEntry> {
  let left = size - UNSTORED
  let last = ''
  const take = (length: number) => {
    left -= length
    if (left < 0) throw imageInvalid('A directory of the squashfs is cut short')
    return cursor.take(length)
  }
  while (left > 0) {
    const header = await take(12)
    const count = header.readUInt32LE(0) + 1
    if (count > RUN) throw imageInvalid(`A directory of the squashfs has ${count} entries in a row`)
    const block = header.readUInt32LE(4)
    for (let index = 0; index < count; index++) {
      const entry = await take(8)
      const name = (await take(entry.readUInt16LE(6) + 1)).toString('latin1')
      if (/[/\0]/.test(name) || name === '.' || name === '..')
        throw imageInvalid(`A directory of the squashfs has the name ${quotePath(name)}`)
      if (name <= last)
        throw imageInvalid(`A directory of the squashfs has ${quotePath(name)} after ${quotePath(last)}`)
      last = name
      yield { name, block, offset: entry.readUInt16LE(0), type: entry.readUInt16LE(4) }
    }
  }
}
