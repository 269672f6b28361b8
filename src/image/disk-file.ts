import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { StillroomError } from '../error.ts'
import type { DigestThreads, FileRange } from './digest-threads.ts'
import { type ImageFile, verifyName } from './image-file.ts'

/** Bytes read at a time: less costs more in turns between threads. */
const PIECE = 1024 * 1024
/** From how many bytes on a digest is worth the way to another thread. */
export const LARGE = 1024 * 1024

/** What changes when a file is written to: its number and the time of its last change, in nanoseconds. */
export async function fileState(file: FileHandle): Promise<string> {
  const { ino, ctimeNs } = await file.stat({ bigint: true })
  return `${ino} ${ctimeNs}`
}

/**
 * Part of a file on disk as a file of an image. It is opened when it is read: here, and by the threads, if there are any,
 * which take the digest.
 *
 * @param path in the image
 * @throws {StillroomError} IMAGE_UNREADABLE when it is read and can't be, or was changed since it was found
 */
export function diskFile(path: string, range: FileRange, threads?: DigestThreads): ImageFile {
  if (threads === undefined || range.size < LARGE) return hashedHere(path, range)
  const digest = async (how?: { ahead: boolean }) => {
    const hex = await threads.sha256(range, how).catch((error: unknown) => {
      threads.signal?.throwIfAborted()
      throw unreadable(range.path, error)
    })
    return verifyName(path, hex)
  }
  const read = () => {
    // meanwhile; it is asked for again when all was read
    threads.sha256(range, { ahead: true }).catch(() => {})
    return readRange(range)
  }
  return { path, size: range.size, read, digest }
}

/** Hashed as it is read, and read for that when it was not, or not to its end. */
function hashedHere(path: string, range: FileRange): ImageFile {
  let hex: string | undefined
  const read = async function* () {
    const hash = createHash('sha256')
    for await (const bytes of readRange(range)) {
      hash.update(bytes)
      yield bytes
    }
    hex = hash.digest('hex')
  }
  const digest = async () => {
    if (hex === undefined) for await (const _ of read());
    return verifyName(path, hex as string)
  }
  return { path, size: range.size, read, digest }
}

/**
 * The bytes of part of a file, which is opened when the first is asked for. Reads one piece ahead; each takes the memory
 * of the last but one.
 *
 * @throws {StillroomError} IMAGE_UNREADABLE
 */
export async function* readRange({ path, state, from, size }: FileRange): AsyncGenerator<Buffer> {
  const file = await openRegular(path)
  const most = Math.max(1, Math.min(PIECE, size))
  const memory: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(most), Buffer.allocUnsafeSlow(most)]
  const read = (at: number, turn: number) => {
    const pending = file.read(memory[turn % 2 === 0 ? 0 : 1], 0, Math.min(most, size - at), from + at)
    // awaited a turn later
    pending.catch(() => {})
    return pending
  }
  let pending = read(0, 0)
  try {
    for (let [at, turn] = [0, 1]; at < size; turn++) {
      const { bytesRead, buffer } = await pending
      if (bytesRead === 0) throw new Error('it is shorter than it was')
      at += bytesRead
      pending = read(at, turn)
      yield buffer.subarray(0, bytesRead)
    }
    if ((await fileState(file)) !== state) throw new Error('it was changed while it was read')
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    await pending.catch(() => {})
    await file.close()
  }
}

/**
 * Opens a regular file; a pipe or device, which may never end, is refused.
 *
 * @throws {StillroomError} IMAGE_UNREADABLE; but that there is none as the system says it
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw isNotThere(error) ? error : unreadable(path, error)
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw unreadable(path, 'it is not a regular file')
}

export function isNotThere(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(code)
}

export function unreadable(path: string, cause: unknown): StillroomError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StillroomError('IMAGE_UNREADABLE', `"${path}" can't be read: ${reason}`, {
    hint: 'check that it is a file or directory that you may read',
    cause,
  })
}
