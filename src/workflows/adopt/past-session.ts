import { snapshotUrls } from '../../resolve/debian/archive-urls.ts'
import type { Session } from '../session.ts'

const HOUR = 3_600_000

/**
 * A session in which indexes of Debian are those of another day, by the snapshot service.
 *
 * @returns undefined when no snapshot service is to be asked
 */
export async function pastSession(session: Session, day: Date): Promise<Session | undefined> {
  const sources = await session.sources()
  // the first that is asked is the state of that very time
  const roots = (archive: string) =>
    snapshotUrls(sources.snapshot, archive, new Date(day.getTime() - 6 * HOUR))
  const past = { debian: roots('debian'), 'debian-security': roots('debian-security') }
  if (past.debian.length === 0) return undefined
  return { ...session, sources: async () => ({ ...sources, past }) }
}
