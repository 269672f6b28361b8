import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Sources } from '../find-sources.ts'
import { findDockerLogin } from './find-docker-login.ts'
import { type DefaultRegistry, type FindRegistry, findRegistry } from './locate-registry.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Ways to registries, as this machine's Docker is set up for them: its login, its default registry, its mirrors. */
export function openRegistries(
  { env, signal }: { env: Environment; signal: AbortSignal },
  { registries, ca }: Pick<Sources, 'registries' | 'ca'>,
): FindRegistry {
  const config = join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json')
  let fallback: Promise<DefaultRegistry | undefined> | undefined
  return findRegistry({
    mirrors: registries,
    ca,
    signal,
    defaultRegistry: () => {
      fallback ??= askEngine(env)
      return fallback
    },
    login: (keys) =>
      findDockerLogin(config, keys, {
        readFile: (path) => readFile(path, 'utf8').catch(() => undefined),
        askHelper: (helper, input) => run(`docker-credential-${helper}`, ['get'], env, input),
      }),
  })
}

/** Which registry the engine takes for its default: what it tells of the index of it, whose host begins `index.`. */
async function askEngine(env: Environment): Promise<DefaultRegistry | undefined> {
  const loginKey = (await run('docker', ['info', '--format', '{{.IndexServerAddress}}'], env))?.trim() ?? ''
  if (!/^https:\/\//.test(loginKey) || !URL.canParse(loginKey)) return undefined
  const { origin, host } = new URL(loginKey)
  return { name: host.replace(/^index\./, ''), url: origin, loginKey }
}

async function run(
  program: string,
  args: readonly string[],
  env: Environment,
  input?: string,
): Promise<string | undefined> {
  const { execa } = await import('execa')
  const { failed, stdout } = await execa(program, [...args], {
    env: env as Record<string, string>,
    extendEnv: false,
    reject: false,
    timeout: 30_000,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  })
  return failed ? undefined : stdout
}
