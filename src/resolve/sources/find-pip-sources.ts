import type { Machine } from './machine.ts'
import { type PipConfig, parsePipConfig } from './parse-pip-config.ts'
import type { SourcesConfig } from './schema.ts'

export interface PipSources {
  /** Roots of simple indexes, the main one first; may carry credentials. Empty when only pip itself knows. */
  indexes: string[]
  /** URLs, and directories or files of this machine. */
  findLinks: string[]
  /** Path of a CA bundle on this machine. */
  ca: string | undefined
  trustedHosts: string[]
  /**
   * The same for a pip elsewhere, as its environment: what doesn't name a path of this machine. A directory of
   * `findLinks` and `ca` must be carried there by whoever starts it.
   */
  env: Record<string, string>
}

/** pip's own, kept in one place of every version since 10. */
const DEFAULT_INDEX = 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)'

/**
 * Finds where this machine's pip looks for packages: its environment, then the configuration of stillroom, then
 * pip's own configuration, then pip's built-in index. Without any pip there is no index: that of the image's pip serves.
 */
export async function findPipSources(
  env: Readonly<Record<string, string | undefined>>,
  config: NonNullable<SourcesConfig['pypi']>,
  machine: Machine,
): Promise<PipSources> {
  const settings = await readPipConfig(machine)
  const value = (name: string): string[] => setting(name, env, settings)
  const fromEnv = (name: string): string[] => setting(name, env, new Map())
  const main =
    fromEnv('index-url')[0] ??
    config.indexes?.[0] ??
    value('index-url')[0] ??
    (await defaultIndex(machine, value('no-index')))
  const extra = firstKnown(fromEnv('extra-index-url'), config.indexes?.slice(1), value('extra-index-url'))
  const findLinks = firstKnown(fromEnv('find-links'), config.findLinks, value('find-links'))
  const trustedHosts = firstKnown(fromEnv('trusted-host'), config.trustedHosts, value('trusted-host'))
  const [ca] = firstKnown(fromEnv('cert'), config.ca === undefined ? undefined : [config.ca], value('cert'))
  return {
    indexes: main === undefined ? extra : [main, ...extra],
    findLinks,
    ca: ca ?? env.REQUESTS_CA_BUNDLE ?? env.CURL_CA_BUNDLE ?? env.SSL_CERT_FILE,
    trustedHosts,
    env: nonEmpty({
      PIP_INDEX_URL: main,
      PIP_EXTRA_INDEX_URL: extra.join(' '),
      PIP_FIND_LINKS: findLinks.filter((link) => /^https?:\/\//.test(link)).join(' '),
      PIP_TRUSTED_HOST: trustedHosts.join(' '),
    }),
  }
}

async function readPipConfig(machine: Machine): Promise<PipConfig> {
  const text =
    (await machine.run('python3', ['-m', 'pip', 'config', 'list'])) ??
    (await machine.run('pip3', ['config', 'list']))
  return parsePipConfig(text ?? '')
}

async function defaultIndex(machine: Machine, noIndex: readonly string[]): Promise<string | undefined> {
  if (noIndex.some((word) => /^(1|true|yes|on)$/i.test(word))) return undefined
  const url = (await machine.run('python3', ['-c', DEFAULT_INDEX]))?.trim()
  return url !== undefined && /^https?:\/\/\S+$/.test(url) ? url : undefined
}

/** pip's precedence: environment, the command's section, the global one. Lists are parted by white space. */
function setting(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  settings: PipConfig,
): string[] {
  const variable = env[`PIP_${name.toUpperCase().replaceAll('-', '_')}`]
  const places = [
    variable,
    ...[':env:', 'install', 'download', 'global'].map((section) => settings.get(`${section}.${name}`)),
  ]
  const text = places.find((place) => place !== undefined && place.trim() !== '') ?? ''
  return text.split(/\s+/).filter((word) => word !== '')
}

function firstKnown(fromEnv: string[], fromConfig: string[] | undefined, fromPip: string[]): string[] {
  return fromEnv.length > 0 ? fromEnv : (fromConfig ?? fromPip)
}

function nonEmpty(entries: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, string] => Boolean(entry[1])),
  )
}
