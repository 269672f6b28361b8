import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

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
