import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import type { Timing } from '../../net/retry.ts'
import type { Sources } from '../find-sources.ts'
import { localMachine, type Machine } from '../machine.ts'
import { createRegistries, type DefaultRegistry, type Registries } from './registries.ts'
import type { RegistryLogin } from './registry-login.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Ways to registries, as this machine's Docker is set up for them: its login, its default registry, its mirrors. */
export function openRegistries(
  { env, signal, timing }: { env: Environment; signal: AbortSignal; timing?: Partial<Timing> },
  { registries, ca }: Pick<Sources, 'registries' | 'ca'>,
): Registries {
  const config = join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json')
  const machine = localMachine(env)
  let fallback: Promise<DefaultRegistry | undefined> | undefined
  return createRegistries({
    mirrors: registries,
    ca,
    signal,
    timing,
    defaultRegistry: () => {
      fallback ??= askEngine(machine)
      return fallback
    },
    login: (keys) => findDockerLogin(config, keys, machine),
  })
}

/** Which registry the engine takes for its default: it names the index of that one, whose host begins with `index.`. */
async function askEngine(machine: Machine): Promise<DefaultRegistry | undefined> {
  const said = await machine.run('docker', ['info', '--format', '{{.IndexServerAddress}}'])
  const loginKey = said?.trim() ?? ''
  if (!/^https:\/\//.test(loginKey) || !URL.canParse(loginKey)) return undefined
  const { origin, host } = new URL(loginKey)
  return { name: host.replace(/^index\./, ''), url: origin, loginKey }
}

const Entry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
})
const DockerConfig = z.looseObject({
  auths: z.record(z.string(), Entry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
})
const HelperAnswer = z.looseObject({ Username: z.string(), Secret: z.string() })

/**
 * Finds the login for a registry in Docker's `config.json`: the helper named for it, the store named for all, then
 * what the file itself holds. A registry without one is asked without.
 *
 * @param path of `config.json`
 * @param keys what Docker files the login under: the registry's name, or the address of the default registry's index
 * @throws {StillroomError} CONFIG_INVALID when the file can't be read as Docker's; its content is never shown
 */
export async function findDockerLogin(
  path: string,
  keys: readonly string[],
  machine: Pick<Machine, 'readFile' | 'run'>,
): Promise<RegistryLogin | undefined> {
  const text = await machine.readFile(path)
  if (text === undefined) return undefined
  const { auths = {}, credHelpers = {}, credsStore } = parseConfig(text, path)
  for (const key of keys) {
    const helper = credHelpers[key] ?? credsStore
    // a name that is not a word would be a path or an option
    if (helper !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) {
      const login = parseAnswer(await machine.run(`docker-credential-${helper}`, ['get'], key))
      if (login) return login
    }
    const known = Object.entries(auths).find(([name]) => bare(name) === bare(key))?.[1]
    const login = known && parseEntry(known)
    if (login) return login
  }
  return undefined
}

function parseConfig(text: string, path: string): z.infer<typeof DockerConfig> {
  try {
    return DockerConfig.parse(JSON.parse(text))
  } catch {
    // without the cause: a parser's message shows the text
    throw new StillroomError('CONFIG_INVALID', `cannot read Docker's configuration "${path}"`, {
      hint: 'correct it, or name another directory with DOCKER_CONFIG; `docker login` writes it again',
    })
  }
}

function parseAnswer(text: string | undefined): RegistryLogin | undefined {
  if (text === undefined) return undefined
  try {
    const { Username, Secret } = HelperAnswer.parse(JSON.parse(text))
    if (Username === '<token>') return { kind: 'identity', token: Secret }
    return { kind: 'password', user: Username, password: Secret }
  } catch {
    // helpers say in words that they have nothing
    return undefined
  }
}

function parseEntry({ auth, username, password, identitytoken }: z.infer<typeof Entry>) {
  if (identitytoken) return { kind: 'identity' as const, token: identitytoken }
  const decoded = Buffer.from(auth ?? '', 'base64')
    .toString('utf8')
    .replaceAll('\0', '')
  const colon = decoded.indexOf(':')
  if (colon > 0)
    return { kind: 'password' as const, user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
  if (username && password) return { kind: 'password' as const, user: username, password }
  return undefined
}

/** Docker files a registry as HOST, and of old as https://HOST/v1/. */
function bare(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}
