import type { DebianArchive } from '../lock/schema.ts'
import { findCertificates } from './find-certificates.ts'
import { findDebianSources, type StandardServices } from './find-debian-sources.ts'
import {
  findCommitArchive,
  findGitMirrors,
  findRegistryMirrors,
  findStore,
  type Mirrors,
} from './find-mirrors.ts'
import { findPipSources, type PipSources } from './find-pip-sources.ts'
import { localMachine, type Machine } from './machine.ts'
import type { SourcesConfig } from './schema.ts'

/** Where this machine fetches from: a fact of the machine, never written to a lockfile. */
export interface Sources {
  /** Roots of each archive's live mirrors, the preferred one first; never empty. */
  debian: Record<DebianArchive, string[]>
  /** Root of a Debian snapshot service, see `snapshotUrls`; undefined when none is to be asked. */
  snapshot: string | undefined
  /** Where Debian's archives are as they were on another day, when indexes of that day are wanted. */
  past?: Record<DebianArchive, string[]>
  /** Root of Debian's archive of old releases; undefined when none is to be asked. */
  oldReleases: string | undefined
  pypi: PipSources
  /** Base URLs of mirrors by registry (as references name it), to be asked before the registry itself. */
  registries: Mirrors
  /** What git URLs may begin with instead; see `gitUrls`. */
  git: Mirrors
  /** Root of an archive of commits, when one is named; see `fetchFromArchive`. */
  commitArchive: string | undefined
  /** The repository that a team keeps artifacts in, when one is named. */
  store: string | undefined
  /** Certificates (PEM) to trust for every source besides the built-in ones; see `trustedCertificates`. */
  ca: string | undefined
}

export interface FindSourcesOptions {
  env: Readonly<Record<string, string | undefined>>
  /** `sources` of stillroom.config.ts. */
  config?: SourcesConfig
  /** The machine to look at; this one when left out. */
  machine?: Machine
  /** Services that are asked when no setting names others; none without. */
  standard?: StandardServices
}

/**
 * Finds where Debian's archives, Python's index and mirrors of registries and git hosts are, and whom to trust there,
 * from the environment, the configuration and what the machine's own clients use. URLs may carry credentials: show
 * them through `redactUrl` only.
 *
 * @throws {StillroomError} SOURCE_UNKNOWN when there is no Debian mirror; CONFIG_INVALID when a variable is not a URL;
 *   CERTIFICATES_INVALID when a file of certificates is named that can't be read.
 * @example
 * ```ts
 * const sources = await findSources({ env: process.env })
 * ```
 */
export async function findSources(options: FindSourcesOptions): Promise<Sources> {
  const { env, config = {}, machine = localMachine(env), standard } = options
  const [debian, pypi, registries, ca] = await Promise.all([
    findDebianSources(env, config, machine, standard),
    findPipSources(env, config.pypi ?? {}, machine),
    findRegistryMirrors(env, config, machine),
    findCertificates(env, config, machine),
  ])
  return {
    ...debian,
    pypi,
    registries,
    git: findGitMirrors(env, config),
    commitArchive: findCommitArchive(env, config),
    store: findStore(env, config),
    ca,
  }
}
