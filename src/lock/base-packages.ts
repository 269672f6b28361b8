import type { DebianPackage, LockedBase } from './schema.ts'

/** The .debs that a base is made of; none for one from a registry, whose packages came in its layers. */
export function basePackages(base: LockedBase): DebianPackage[] {
  return base.kind === 'debian' ? base.packages : []
}

/** Names of the Debian packages in a base, whatever it is made of. */
export function baseDebianNames(base: LockedBase): string[] {
  if (base.kind === 'debian') return base.packages.map(({ name }) => name)
  return base.inventory.filter(({ kind }) => kind === 'deb').map(({ name }) => name)
}
