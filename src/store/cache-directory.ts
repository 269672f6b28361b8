import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { StillroomError } from '../error.ts'
import { requireDirectory } from './disk.ts'

/**
 * Where this machine keeps what can be fetched or made again; the store lies in its `store` subdirectory.
 * STILLROOM_CACHE wins over XDG_CACHE_HOME, which counts only when absolute (XDG Base Directory 0.8).
 */
export function defaultCacheDirectory(env: Record<string, string | undefined>): string {
  if (env.STILLROOM_CACHE) return env.STILLROOM_CACHE
  const xdg = env.XDG_CACHE_HOME
  if (xdg && isAbsolute(xdg)) return join(xdg, 'stillroom')
  return join(env.HOME || homedir(), '.cache', 'stillroom')
}

/** Directories below the cache directory that something is believed from. */
const BELIEVED = [
  '',
  'store',
  'audits',
  'contents',
  'contexts',
  'builder-paths',
  'derived',
  'images',
  'layers',
  'engine',
]

/**
 * Passes when what is kept in a cache directory can have been put there by this user or root alone: others could make an
 * image pass that was never audited, or an artifact be built that was never fetched.
 *
 * @param user numeric id of this user; undefined where there are none, as on Windows
 * @throws {StillroomError} CACHE_UNSAFE with what to do; NOT_WRITABLE when one is no directory
 */
export async function requireOwnCache(cache: string, user = process.getuid?.()): Promise<void> {
  await Promise.all(BELIEVED.map((name) => requireDirectory(join(cache, name))))
  if (user === undefined) return
  await Promise.all(
    BELIEVED.map(async (name) => {
      const path = join(cache, name)
      const entry = await stat(path).catch(() => undefined)
      if (entry === undefined) return
      const reason = unsafe(entry, user)
      if (reason === undefined) return
      throw new StillroomError('CACHE_UNSAFE', `cannot use the cache directory "${path}": ${reason}`, {
        hint: `take it over: chown -R "$(id -u)" "${path}" && chmod -R go-w "${path}"; or name another one in STILLROOM_CACHE`,
        details: { path, owner: entry.uid, mode: (entry.mode & 0o7777).toString(8).padStart(4, '0') },
      })
    }),
  )
}

function unsafe(
  { uid, gid, mode }: { uid: number; gid: number; mode: number },
  user: number,
): string | undefined {
  if (uid !== user && uid !== 0) return `it belongs to user ${uid}, expected ${user} or root`
  if ((mode & 0o002) !== 0) return 'everybody may write to it'
  // where each user has a group of their own, it is theirs
  if ((mode & 0o020) !== 0 && gid !== uid) return `group ${gid} may write to it`
  return undefined
}
