import type { Archive } from '../../lock/schema.ts'
import { findDebianSources } from './find-debian-sources.ts'
import { findPipSources, type PipSources } from './find-pip-sources.ts'
import { localMachine, type Machine } from './machine.ts'
import type { SourcesConfig } from './schema.ts'

/** Where this machine fetches from: a fact of the machine, never written to a lockfile. */
export interface Sources {
  /** Roots of each archive's live mirrors, the preferred one first; never empty. */
  debian: Record<Archive, string[]>
  /** Root of a Debian snapshot service, when one is known; see `snapshotUrls`. */
  snapshot: string | undefined
  pypi: PipSources
}

export interface FindSourcesOptions {
  env: Readonly<Record<string, string | undefined>>
  /** `sources` of stillroom.config.ts. */
  config?: SourcesConfig
  /** The machine to look at; this one when left out. */
  machine?: Machine
}

/**
 * Finds where Debian's archives and Python's index are, from the environment, the configuration and what the
 * machine's own clients use. URLs may carry credentials: show them through `redactUrl` only.
 *
 * @throws {StillroomError} SOURCE_UNKNOWN when there is no Debian mirror; CONFIG_INVALID when a variable is no URL.
 * @example
 * ```ts
 * const sources = await findSources({ env: process.env })
 * ```
 */
export async function findSources(options: FindSourcesOptions): Promise<Sources> {
  const { env, config = {}, machine = localMachine(env) } = options
  const [debian, pypi] = await Promise.all([
    findDebianSources(env, config, machine),
    findPipSources(env, config.pypi ?? {}, machine),
  ])
  return { ...debian, pypi }
}
