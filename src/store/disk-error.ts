import { StillroomError, systemCode } from '../error.ts'

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
      hint: 'free some space, or set STILLROOM_CACHE to a directory on another disk',
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
