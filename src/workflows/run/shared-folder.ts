import { chown, mkdir, realpath, stat } from 'node:fs/promises'
import { StillroomError } from '../../error.ts'
import { diskError } from '../../store/disk.ts'

/** Who works on this machine, and how the engine sees its accounts. */
export interface Host {
  /** `process.platform`. */
  platform: string
  /** Undefined where there are no user ids. */
  uid: number | undefined
  /** The engine's own account stands for root in its containers. */
  rootless: boolean
}

export interface FolderOwner {
  uid: number
  gid: number
}

/**
 * The uid and gid that a task must have so that what it writes to the shared folder is the folder's owner's;
 * undefined when the image's own account serves. A folder of root's is no reason to work as root.
 *
 * @param account uid of the image's user, which is its gid too
 */
export function workAs(host: Host, owner: FolderOwner, account: number): FolderOwner | undefined {
  if (host.platform !== 'linux') return undefined
  if (host.rootless) return account === 0 ? undefined : { uid: 0, gid: 0 }
  if (owner.uid === account || owner.uid === 0) return undefined
  return owner
}

/**
 * Makes the shared folder when it is missing: root gives it to the image's account, everybody else keeps it.
 *
 * @returns its real path
 * @throws {StillroomError} NOT_WRITABLE, DISK_FULL; USAGE when it is no directory
 */
export async function makeSharedFolder(path: string, host: Host, account: number): Promise<string> {
  try {
    const made = await mkdir(path, { recursive: true })
    if (made !== undefined && host.uid === 0 && host.platform === 'linux' && !host.rootless) {
      await chown(path, account, account)
    }
    return await realpath(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new StillroomError('USAGE', `cannot share "${path}": it is no directory`, {
        hint: 'name a directory with --shared, or run with --no-shared',
      })
    }
    throw diskError(error, path)
  }
}

export async function folderOwner(path: string): Promise<FolderOwner & { mode: number }> {
  const { uid, gid, mode } = await stat(path)
  return { uid, gid, mode }
}

/** Whether an account may write to a folder, by the bits of its mode. */
export function mayWrite({ uid, gid, mode }: FolderOwner & { mode: number }, account: number): boolean {
  if (account === 0) return true
  const write = uid === account ? 0o200 : gid === account ? 0o020 : 0o002
  return (mode & write) !== 0
}
