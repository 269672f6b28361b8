import type { Suite } from '../recipe/schema.ts'
import type { DebianArchive } from './schema.ts'

/** What apt would be told about a suite, in this order: the suite, its updates and its security updates. */
export function suiteIndexes(suite: Suite): { archive: DebianArchive; suite: string }[] {
  return [
    { archive: 'debian', suite },
    { archive: 'debian', suite: `${suite}-updates` },
    { archive: 'debian-security', suite: `${suite}-security` },
  ]
}
