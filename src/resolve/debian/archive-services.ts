import { StillroomError } from '../../error.ts'
import { DEBIAN_KEYS, loadKeyring } from './keyring.ts'

/** Where Debian itself keeps what its mirrors drop. */
export interface ArchiveServices {
  /** Root of the service that has every day's archive, below `archive/`. */
  snapshot: string
  /** Root of the archive of releases that mirrors have no more: `debian` and `debian-security` lie below. */
  oldReleases: string
}

/**
 * The addresses of Debian's own services, which are neighbours in its domain: the domain is that of the archive's
 * automatic signing keys, whose user IDs name it. docs/decisions/0024-snapshots-by-default.md says why.
 *
 * @throws {StillroomError} SIGNATURE_INVALID when the keys do not agree on a domain
 */
export async function archiveServices(): Promise<ArchiveServices> {
  const { readKey } = await import('openpgp')
  const automatic = new Set(
    Object.keys(DEBIAN_KEYS).filter((fingerprint) => DEBIAN_KEYS[fingerprint]?.endsWith(' automatic')),
  )
  const keys = await Promise.all((await loadKeyring()).map((armoredKey) => readKey({ armoredKey })))
  const users = keys
    .filter((key) => automatic.has(key.getFingerprint().toUpperCase()))
    .flatMap((key) => key.getUserIDs())
  const domains = [...new Set(users.map((user) => /@([a-z0-9.-]+)>$/.exec(user)?.[1]))]
  const [domain] = domains
  if (domain === undefined || domains.length > 1) {
    throw new StillroomError(
      'SIGNATURE_INVALID',
      `cannot tell Debian's domain from its keys: expected one, got ${domains.join(', ')}`,
    )
  }
  return { snapshot: `https://snapshot.${domain}`, oldReleases: `https://archive.${domain}` }
}
