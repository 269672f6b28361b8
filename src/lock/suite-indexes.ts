import type { DebianBase } from '../recipe/schema.ts'
import type { DebianArchive, DebianIndex } from './schema.ts'

/** What indexes a base of Debian has. */
export type SuiteChoice = Pick<DebianBase, 'suite' | 'components' | 'backports'>

export interface SuiteIndex {
  archive: DebianArchive
  suite: string
  components: string[]
}

/** What apt would be told about a suite, in this order: the suite, its updates, its security updates, its backports. */
export function suiteIndexes({ suite, components: more = [], backports = false }: SuiteChoice): SuiteIndex[] {
  const components = [...new Set(['main', ...more])]
  return [
    { archive: 'debian', suite, components },
    { archive: 'debian', suite: `${suite}-updates`, components },
    { archive: 'debian-security', suite: `${suite}-security`, components },
    ...(backports ? [{ archive: 'debian' as const, suite: `${suite}-backports`, components }] : []),
  ]
}

/** Whether an index is of one of Debian's own archives. */
export function isDebians({ archive }: Pick<DebianIndex, 'archive'>): boolean {
  const known: readonly string[] = ['debian', 'debian-security'] satisfies DebianArchive[]
  return known.includes(archive)
}

/** Whether a base system is made from an index: other components and backports only offer packages to apt steps. */
export function isOfBase(index: DebianIndex): boolean {
  return isDebians(index) && index.component === 'main' && !index.suite.endsWith('-backports')
}
