import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FREE_SPACE, StillroomError, systemCode, unlessMissing } from '../error.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT'])
const FORBIDDEN = new Set(['EACCES', 'EROFS', 'EPERM'])

/**
 * Turns a failed write below `path` into what the user can act on: DISK_FULL or NOT_WRITABLE.
 * Anything else comes back as it is.
 */
export function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code === undefined || error instanceof StillroomError) return error
  const details = { path, system: code }
  if (FULL.has(code)) {
    return new StillroomError('DISK_FULL', `cannot write to "${path}": no space left (${code})`, {
      hint: FREE_SPACE,
      details,
      cause: error,
    })
  }
  if (FORBIDDEN.has(code)) {
    return new StillroomError('NOT_WRITABLE', `cannot write to "${path}": not permitted (${code})`, {
      hint: 'make the directory writable for this user, or set STILLROOM_CACHE to one that is',
      details,
      cause: error,
    })
  }
  return error
}

/** Runs `write`. @throws StillroomError DISK_FULL or NOT_WRITABLE, naming `path`. */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw diskError(error, path)
  }
}

/**
 * Makes a directory and those above it, in which nobody but this user may write. Unlike Node's own `recursive`, tells
 * EROFS as EROFS, not as ENOENT.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return requireDirectory(path)
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await makeDirectory(path)
  }
}

/**
 * Passes when there is a directory, or nothing.
 *
 * @throws {StillroomError} NOT_WRITABLE when there is a file, or a link to what is not there, such as a disk that is not mounted;
 *   when this user may not look
 */
export async function requireDirectory(path: string): Promise<void> {
  const entry = await writing(path, async () => {
    // a link that leads to itself leads nowhere, too
    const unlessNowhere = (error: unknown) =>
      systemCode(error) === 'ELOOP' ? undefined : unlessMissing(error)
    return (await stat(path).catch(unlessNowhere)) ?? (await lstat(path).catch(unlessNowhere))
  })
  if (entry === undefined || entry.isDirectory()) return
  const [what, hint] = entry.isSymbolicLink()
    ? [
        `a link to "${await readlink(path)}", which is not there`,
        'mount or make what it leads to, or remove the link',
      ]
    : ['not a directory', 'remove it, or name another directory']
  throw new StillroomError('NOT_WRITABLE', `cannot write to "${path}": it is ${what}`, {
    hint,
    details: { path },
  })
}

/**
 * Gives a complete file its name, on the same file system: after a loss of power there is the file as it was or as it is
 * now, and never a part of it. The one way in which files come to be that are believed later.
 *
 * @param mode its permissions from then on; as they are without
 */
export async function moveInPlace(file: string, destination: string, mode?: number): Promise<void> {
  {
    await using handle = await open(file, 'r')
    await handle.sync()
    if (mode !== undefined) await handle.chmod(mode)
  }
  await rename(file, destination)
  await using directory = await open(dirname(destination), 'r')
  await directory.sync()
}

/**
 * Writes a text file as a whole or not at all, also when power is lost, and not when it holds that text already.
 *
 * @returns whether it was written
 * @throws {StillroomError} DISK_FULL, NOT_WRITABLE
 */
export async function writeFileAtomic(path: string, text: string, mode = 0o644): Promise<boolean> {
  const present = await readFile(path, 'utf8').catch(() => undefined)
  if (present === text) return false
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(temporary, text, { mode, flag: 'wx' })
    await moveInPlace(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw diskError(error, path)
  }
  return true
}

/** Makes a file appear at `destination`, replacing one there: a hard link, or a read-only copy when that cannot be. */
export async function linkOrCopy(source: string, destination: string): Promise<void> {
  try {
    await link(source, destination)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') {
      await rm(destination)
      return linkOrCopy(source, destination)
    }
    // EPERM also stands for a file system without hard links, and for fs.protected_hardlinks.
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(code ?? '')) throw error
    await copyFile(source, destination, constants.COPYFILE_FICLONE)
    await chmod(destination, 0o444)
  }
}

const CHUNK = 1 << 20

export interface Hashed {
  /** Lower-case hex. */
  sha256: string
  /** In bytes. */
  size: number
}

/** Hashes an open file from its start; the next read runs while the last chunk is hashed. */
export async function hashFile(handle: FileHandle): Promise<Hashed> {
  const hash = createHash('sha256')
  const size = await readChunks(handle, (chunk) => hash.update(chunk))
  return { sha256: hash.digest('hex'), size }
}

/** As {@link hashFile}, of a file that is not open. */
export async function hashPath(path: string): Promise<Hashed> {
  await using handle = await open(path, 'r')
  return await hashFile(handle)
}

/** Gives each chunk of an open file, from its start, to `take`; returns how many bytes there were. */
export async function readChunks(handle: FileHandle, take: (chunk: Uint8Array) => void): Promise<number> {
  const { size: length } = await handle.stat()
  const capacity = Math.max(1, Math.min(CHUNK, length + 1))
  let [current, other] = [Buffer.allocUnsafe(capacity), Buffer.allocUnsafe(capacity)]
  let position = 0
  let pending = handle.read(current, 0, capacity, position)
  for (;;) {
    const { bytesRead } = await pending
    if (bytesRead === 0) return position
    position += bytesRead
    const filled = current.subarray(0, bytesRead)
    ;[current, other] = [other, current]
    pending = handle.read(current, 0, capacity, position)
    take(filled)
  }
}

/** Milliseconds after which what nobody touched is nobody's any more. */
export const ABANDONED_AFTER = 7 * 24 * 3600 * 1000

/** Removes what interrupted runs left in a store's temporary directory and no run has touched for a week. */
export async function sweepAbandoned(directory: string, now: number = Date.now()): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const file = join(directory, name)
    const entry = await stat(file).catch(() => undefined)
    if (entry?.isFile() && now - entry.mtimeMs > ABANDONED_AFTER)
      await rm(file, { force: true }).catch(() => {})
  }
}
