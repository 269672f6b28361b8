import { chown, mkdir, realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Engine } from '../../engine/connect.ts'
import type { MovedUser } from '../../engine/lease.ts'
import type { ContainerSettings } from '../../engine/task-container.ts'
import { StillroomError } from '../../error.ts'
import type { Recipe } from '../../recipe/schema.ts'
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

/** The shared folder of a recipe, as a command asks for it. */
export interface WantedFolder {
  recipe: Recipe
  host: Host
  /** On the host; made when a container is. */
  path: string
  /** What the container must have: a path, or nothing by an empty text; undefined when anything will do. */
  shared: string | undefined
}

/**
 * Works out the shared folder.
 *
 * @param shared the host's directory; `false` for none; `shared` of the project when left out
 * @throws {StillroomError} USAGE when the recipe has no such folder
 */
export async function wantFolder(
  engine: Engine,
  recipe: Recipe,
  project: string,
  shared: string | false | undefined,
): Promise<WantedFolder> {
  if (shared && recipe.shared === undefined) {
    throw new StillroomError('USAGE', 'the recipe has no shared folder to tie a directory to', {
      hint: 'give it one: shared: "/path/in/the/image"',
    })
  }
  const path = resolve(project, shared || 'shared')
  const real = shared ? ((await realpath(path).catch(() => undefined)) ?? path) : undefined
  return { recipe, host: await describeHost(engine), path, shared: shared === false ? '' : real }
}

/**
 * Makes the folder ready to be mounted.
 *
 * @param note takes what the user should know of it
 * @returns what to mount where; undefined for a container without it
 * @throws {StillroomError} SHARED_REMOTE; NOT_WRITABLE, DISK_FULL, USAGE as {@link makeSharedFolder}
 */
export async function prepareFolder(
  engine: Engine,
  { recipe, host, path, shared }: WantedFolder,
  note: (text: string) => void,
): Promise<ContainerSettings['shared']> {
  if (recipe.shared === undefined || shared === '') return undefined
  requireLocal(engine, path)
  const account = accountOf(recipe)
  const source = await makeSharedFolder(path, host, account)
  const owner = await folderOwner(source)
  const uid = workAs(host, owner, account)?.uid ?? account
  if (host.platform === 'linux' && !host.rootless && !mayWrite(owner, uid))
    note(
      `tasks can't write to ${source}: it belongs to uid ${owner.uid}, they run as uid ${uid}; to change that: ` +
        `${host.uid === 0 ? '' : 'sudo '}chown ${uid}:${uid} ${quoteWord(source)}`,
    )
  return { source, target: recipe.shared }
}

/** A word for a shell. */
function quoteWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Which account of the image works under another uid, for the sake of the folder that is mounted. */
export async function accountFor(
  { recipe, host }: WantedFolder,
  mounted: string,
): Promise<MovedUser | undefined> {
  const as = workAs(host, await folderOwner(mounted), accountOf(recipe))
  if (!as) return undefined
  const { user } = recipe
  const volumes = recipe.volumes.filter((volume) => volume !== recipe.shared)
  return { ...as, user: user && { name: user.name, uid: user.uid, volumes } }
}

/** The uid of a recipe's tasks. */
const accountOf = ({ user }: Recipe) => user?.uid ?? 0

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
 * @throws {StillroomError} NOT_WRITABLE, DISK_FULL; USAGE when it is not a directory
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
      throw new StillroomError('USAGE', `cannot share "${path}": it is not a directory`, {
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

async function describeHost({ docker }: Engine): Promise<Host> {
  const { SecurityOptions = [] } = (await docker.info()) as { SecurityOptions?: string[] }
  const rootless = SecurityOptions.some((option) => option === 'name=rootless')
  return { platform: process.platform, uid: process.getuid?.(), rootless }
}

/** @throws {StillroomError} SHARED_REMOTE: a bind mount takes a directory of the engine's machine */
export function requireLocal({ docker }: Engine, path: string): void {
  const { socketPath, host } = docker.modem as { socketPath?: string; host?: string }
  if (socketPath !== undefined) return
  throw new StillroomError(
    'SHARED_REMOTE',
    `cannot share "${path}": the Docker Engine is on another machine (${host})`,
    {
      hint: 'run without it (the shared folder: --no-shared), or use an engine of this machine',
    },
  )
}
