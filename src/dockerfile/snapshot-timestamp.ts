import type { DebianIndex } from '../lock/schema.ts'

/**
 * Time stamp under which a snapshot service shows the archive as it was when `index` was current:
 * the midnight (UTC) after its Release was made, since a service answers with its last copy before that time.
 */
export function snapshotTimestamp(index: DebianIndex): string {
  const day = 86_400_000
  const midnight = new Date((Math.floor(Date.parse(index.date) / day) + 1) * day)
  return `${midnight.toISOString().slice(0, 10).replaceAll('-', '')}T000000Z`
}
