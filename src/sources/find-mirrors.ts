import type { z } from 'zod'
import { StillroomError } from '../error.ts'
import { tryJson } from '../formats/json/try-json.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { Machine } from './machine.ts'
import { GitPrefix, RegistryName, type SourcesConfig, StoreName } from './schema.ts'

type Environment = Readonly<Record<string, string | undefined>>
/** What is mirrored -> by what, the preferred one first; never empty. */
export type Mirrors = Record<string, string[]>

/**
 * Finds mirrors of registries: STILLROOM_REGISTRY_MIRRORS (`NAME=URL`, several separated by spaces), then the
 * configuration, then what the Docker Engine is set up with. The first that knows a registry decides on it.
 *
 * @returns base URLs by registry, below which `v2/` lies; may carry credentials
 * @throws {StillroomError} CONFIG_INVALID
 */
export async function findRegistryMirrors(
  env: Environment,
  config: SourcesConfig,
  machine: Machine,
): Promise<Mirrors> {
  const fromEnv = pairs(env, 'STILLROOM_REGISTRY_MIRRORS', RegistryName, /^https?:\/\/\S+$/)
  return { ...(await engineMirrors(machine)), ...config.registries, ...fromEnv }
}

/**
 * Finds what git URLs may begin with instead: STILLROOM_GIT_MIRRORS (`PREFIX=PREFIX`), then the configuration. What
 * `url.*.insteadOf` in git's own configuration says is git's to follow.
 *
 * @throws {StillroomError} CONFIG_INVALID
 */
export function findGitMirrors(env: Environment, config: SourcesConfig): Mirrors {
  const fromEnv = pairs(env, 'STILLROOM_GIT_MIRRORS', GitPrefix, /\S/)
  return { ...config.git, ...fromEnv }
}

/** The archive of the world's public source code (decision 50): no other keeps commits by their ids, for all hosts. */
const SOFTWARE_HERITAGE = 'https://archive.softwareheritage.org'

/**
 * Finds the archive of commits: STILLROOM_SOFTWARE_HERITAGE, then the configuration, then Software Heritage's own; `none`
 * means none.
 *
 * @throws {StillroomError} CONFIG_INVALID
 */
export function findCommitArchive(env: Environment, config: SourcesConfig): string | undefined {
  const named = env['STILLROOM_SOFTWARE_HERITAGE']?.trim() || (config.softwareHeritage ?? SOFTWARE_HERITAGE)
  if (named === 'none') return undefined
  if (/^https?:\/\/\S+$/.test(named)) return named.replace(/\/+$/, '')
  throw new StillroomError(
    'CONFIG_INVALID',
    `cannot use STILLROOM_SOFTWARE_HERITAGE: expected an http or https URL, got "${redactUrl(named)}"`,
  )
}

/** Finds the repository that a team keeps artifacts in: STILLROOM_STORE, then the configuration. @throws {StillroomError} CONFIG_INVALID */
export function findStore(env: Environment, config: SourcesConfig): string | undefined {
  const named = env['STILLROOM_STORE']?.trim() || undefined
  if (named === undefined || StoreName.safeParse(named).success) return named ?? config.store
  throw new StillroomError(
    'CONFIG_INVALID',
    `cannot use STILLROOM_STORE: expected a repository with its registry, such as "registry.example.org/team/store", got "${redactUrl(named)}"`,
  )
}

/**
 * Where a repository may be fetched from, best source first: by the longest prefix that has mirrors, then as it is.
 *
 * @example
 * ```ts
 * gitUrls('https://git.example.org/a/b', { 'https://git.example.org/': ['https://mirror.example.org/'] })
 * // ['https://mirror.example.org/a/b', 'https://git.example.org/a/b']
 * ```
 */
export function gitUrls(url: string, mirrors: Mirrors): string[] {
  const [longest] = Object.keys(mirrors)
    .filter((prefix) => url.startsWith(prefix))
    .sort((a, b) => b.length - a.length)
  if (longest === undefined) return [url]
  return [...(mirrors[longest] ?? []).map((mirror) => `${mirror}${url.slice(longest.length)}`), url]
}

function pairs(env: Environment, name: string, key: z.ZodString, value: RegExp): Mirrors {
  const mirrors: Mirrors = {}
  for (const word of (env[name] ?? '').split(/\s+/).filter((text) => text !== '')) {
    const [, from = '', to = ''] = /^(.*?)=([a-z]+:\/\/.*|.*@.*:.*)$/.exec(word) ?? []
    const isGit = key === GitPrefix
    if (!key.safeParse(from).success || !value.test(to) || (isGit && !GitPrefix.safeParse(to).success)) {
      const expected = isGit ? 'PREFIX=PREFIX, each ending in "/" or ":"' : 'REGISTRY=URL'
      throw new StillroomError(
        'CONFIG_INVALID',
        `cannot use ${name}: expected ${expected}, got "${redactUrl(word)}"`,
      )
    }
    mirrors[from] = [...(mirrors[from] ?? []), isGit ? to : to.replace(/\/+$/, '')]
  }
  return mirrors
}

/** The engine names the registries itself, with the mirrors that its daemon.json gives. */
async function engineMirrors(machine: Machine): Promise<Mirrors> {
  const text = await machine.run('docker', ['info', '--format', '{{json .RegistryConfig.IndexConfigs}}'])
  const mirrors: Mirrors = {}
  for (const [name, entry] of Object.entries(tryJson(text ?? '') ?? {})) {
    const found = (entry as { Mirrors?: unknown } | null)?.Mirrors
    const urls = (Array.isArray(found) ? found : []).filter(
      (url): url is string => typeof url === 'string' && /^https?:\/\/\S+$/.test(url),
    )
    if (urls.length > 0 && RegistryName.safeParse(name).success) {
      mirrors[name] = urls.map((url) => url.replace(/\/+$/, ''))
    }
  }
  return mirrors
}
