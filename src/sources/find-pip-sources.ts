import { netrcLogins } from './find-credentials.ts'
import type { Machine } from './machine.ts'
import { pipSetting, readPipConfig } from './pip-settings.ts'
import type { SourcesConfig } from './schema.ts'

export interface PipSources {
  /** Roots of simple indexes, the main one first; may carry credentials. Empty when only pip itself knows. */
  indexes: string[]
  /** URLs, and directories or files of this machine. */
  findLinks: string[]
  trustedHosts: string[]
  /**
   * The same for a pip elsewhere, as settings by pip's own names (`index-url`): what doesn't name a path of this machine.
   * A directory of `findLinks` must be carried there by whoever starts it.
   */
  settings: Record<string, string>
}

/** pip's own, kept in the same module in every version since 10. */
const DEFAULT_INDEX = 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)'

/**
 * Finds where this machine's pip looks for packages: its environment, then the configuration of stillroom, then
 * pip's own configuration, then pip's built-in index. Without any pip there is no index: that of the image's pip serves.
 * URLs get the login that netrc has for them.
 */
export async function findPipSources(
  env: Readonly<Record<string, string | undefined>>,
  config: NonNullable<SourcesConfig['pypi']>,
  machine: Machine,
): Promise<PipSources> {
  const [settings, addLogin] = await Promise.all([readPipConfig(machine), netrcLogins(env, machine)])
  const value = (name: string): string[] => pipSetting(name, env, settings)
  const fromEnv = (name: string): string[] => pipSetting(name, env, new Map())
  const main =
    fromEnv('index-url')[0] ??
    config.indexes?.[0] ??
    value('index-url')[0] ??
    (await defaultIndex(machine, value('no-index')))
  const extra = firstKnown(fromEnv('extra-index-url'), config.indexes?.slice(1), value('extra-index-url'))
  const indexes = (main === undefined ? extra : [main, ...extra]).map(addLogin)
  const findLinks = firstKnown(fromEnv('find-links'), config.findLinks, value('find-links')).map(addLogin)
  const trustedHosts = firstKnown(fromEnv('trusted-host'), config.trustedHosts, value('trusted-host'))
  return {
    indexes,
    findLinks,
    trustedHosts,
    settings: nonEmpty({
      'index-url': main === undefined ? undefined : indexes[0],
      'extra-index-url': indexes.slice(main === undefined ? 0 : 1).join(' '),
      'find-links': findLinks.filter((link) => /^https?:\/\//.test(link)).join(' '),
      'trusted-host': trustedHosts.join(' '),
    }),
  }
}

/** Whether pip takes any certificate of a URL's host: `trusted-host` holds `HOST` or `HOST:PORT`. */
export function isTrustedHost(url: string, trustedHosts: readonly string[]): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, host } = new URL(url)
  return trustedHosts.some((trusted) => trusted === hostname || trusted === host)
}

async function defaultIndex(machine: Machine, noIndex: readonly string[]): Promise<string | undefined> {
  if (noIndex.some((word) => /^(1|true|yes|on)$/i.test(word))) return undefined
  const url = (await machine.run('python3', ['-c', DEFAULT_INDEX]))?.trim()
  return url !== undefined && /^https?:\/\/\S+$/.test(url) ? url : undefined
}

function firstKnown(fromEnv: string[], fromConfig: string[] | undefined, fromPip: string[]): string[] {
  return fromEnv.length > 0 ? fromEnv : (fromConfig ?? fromPip)
}

function nonEmpty(entries: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, string] => Boolean(entry[1])),
  )
}
