import { createHash } from 'node:crypto'
import { mkdir, readlink, rename, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { EngineSettings } from './private-engine.ts'

/**
 * The settings of a private engine for a user of it: Docker's configuration directory is one that has the engine's own
 * plugins and the logins of the user as they are when they are read, those of DOCKER_CONFIG or of `~/.docker`. A login
 * may be made after the engine was started, and another process may have another DOCKER_CONFIG.
 */
export async function withUserLogins(
  settings: EngineSettings,
  env: NodeJS.ProcessEnv,
): Promise<EngineSettings> {
  const own = settings.DOCKER_CONFIG
  const configurations = join(dirname(own), 'configurations')
  const users = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker')
  // an environment in which the engine is already
  if (users === own || dirname(users) === configurations) return { ...settings, DOCKER_CONFIG: users }
  const name = createHash('sha256').update(users).digest('hex').slice(0, 16)
  const directory = join(configurations, name)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await link(join(own, 'cli-plugins'), join(directory, 'cli-plugins'))
  await link(join(users, 'config.json'), join(directory, 'config.json'))
  return { ...settings, DOCKER_CONFIG: directory }
}

/** Makes a symbolic link where there is none like it, whether or not there is something at its end. */
async function link(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return
  const fresh = `${path}.${process.pid}`
  await symlink(target, fresh)
  await rename(fresh, path)
}
