import { StillroomError } from '../../error.ts'
import { Archive } from '../../lock/schema.ts'
import { redactUrl } from '../../net/redact-url.ts'

const SNAPSHOT = /\/archive\/(debian(?:-security)?)\/[0-9]{8}T[0-9]{6}Z$/

/**
 * What the lock calls the archive of a source: Debian's two and Ubuntu's by their names, since every mirror has the
 * same; another by its address.
 *
 * @param origin `Origin` of its verified Release file, when that is known already
 * @throws {StillroomError} INDEX_INVALID when the address cannot be named
 */
export function nameArchive(uri: string, suite: string, origin?: string): string {
  const { host, pathname } = new URL(uri)
  const path = pathname.replace(/\/+$/, '')
  const snapshot = SNAPSHOT.exec(path)?.[1]
  const isDebian = origin === undefined || origin === 'Debian'
  const isUbuntu = origin === undefined || origin === 'Ubuntu'
  if (isDebian && snapshot !== undefined) return snapshot
  if (isDebian && (/\/debian-security$/.test(path) || (path === '' && /(-security|\/updates)$/.test(suite))))
    return 'debian-security'
  if (isDebian && /\/debian$/.test(path)) return 'debian'
  if (isUbuntu && /\/ubuntu$/.test(path)) return 'ubuntu'
  const name = Archive.safeParse(`${host}${path}`)
  if (name.success) return name.data
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot name the archive "${redactUrl(uri)}" of the base's apt sources`,
  )
}
