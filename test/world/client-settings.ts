import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Login } from './login.ts'

export interface Places {
  caFile: string
  registry: { host: string; login: Login }
  git: { host: string; login: Login }
  index: { host: string; login: Login }
  /** Roots: archives lie below the first, `archive/` below the second. */
  apt: { url: string }
  snapshot: { url: string }
}

/** Each client has a name of its own for the certificates it trusts, and takes it before its settings. */
export const CERTIFICATES = [
  'SSL_CERT_FILE',
  'GIT_SSL_CAINFO',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
]

/**
 * Writes what the clients of this machine are set up by, and gives the environment in which they and stillroom use
 * it: logins are in files only, as Docker, git and pip keep them.
 *
 * @param dockerConfig the present DOCKER_CONFIG, whose plugins and builders stay in use
 */
export async function writeClientSettings(
  directory: string,
  places: Places,
  dockerConfig: string | undefined,
): Promise<Record<string, string>> {
  const { caFile, registry, git, index, apt, snapshot } = places
  const put = async (name: string, text: string) => {
    await writeFile(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const gitLogins = await put('git-credentials', `https://${userinfo(git.login)}@${git.host}\n`)
  return {
    STILLROOM_DEBIAN: `${apt.url}/debian`,
    STILLROOM_DEBIAN_SECURITY: `${apt.url}/debian-security`,
    STILLROOM_SNAPSHOT: snapshot.url,
    ...Object.fromEntries(CERTIFICATES.map((name) => [name, caFile])),
    // what the machine itself is set up with, out of the way
    ...{ PIP_INDEX_URL: '', PIP_EXTRA_INDEX_URL: '', PIP_FIND_LINKS: '' },
    ...{ NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_GLOBAL: await put('gitconfig', `[credential]\n\thelper = "store --file='${gitLogins}'"\n`),
    PIP_CONFIG_FILE: await put(
      'pip.conf',
      `[global]\nindex-url = https://${userinfo(index.login)}@${index.host}/simple/\n`,
    ),
    DOCKER_CONFIG: await writeDockerConfig(join(directory, 'docker'), registry, dockerConfig),
  }
}

async function writeDockerConfig(
  directory: string,
  { host, login }: Places['registry'],
  present: string | undefined,
): Promise<string> {
  await mkdir(directory)
  const names = present === undefined ? [] : await readdir(present)
  const others = names.filter((name) => name !== 'config.json')
  await Promise.all(others.map((name) => symlink(join(present ?? '', name), join(directory, name))))
  // a private engine's leads to the user's own, which need not be there
  const text = present && (await readFile(join(present, 'config.json'), 'utf8').catch(() => undefined))
  const known = text ? JSON.parse(text) : {}
  const auth = Buffer.from(`${login.user}:${login.password}`).toString('base64')
  const config = { ...known, auths: { ...known.auths, [host]: { auth } } }
  await writeFile(join(directory, 'config.json'), JSON.stringify(config, null, 2), { mode: 0o600 })
  return directory
}

function userinfo({ user, password }: Login): string {
  return `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
}
