import { nearestNames } from '../../recipe/nearest-name.ts'
import type { BinaryPackage, PackageVersions } from '../debian/read-packages.ts'

const AT_MOST = 4

/** Names of the packages that provide another (Debian policy 7.5). */
export function providersOf(name: string, packages: PackageVersions): string[] {
  return namedBy(name, packages, ({ provides }) => provides)
}

/**
 * Packages that an unknown name may mean, the likeliest first: those that replaced it (policy 7.6), those of the same
 * name but for its numbers (`libssl1.1`, `libssl3`), those that are written nearly so, and those that have the name as
 * a part (`docker.io`).
 */
export function similarPackages(name: string, packages: PackageVersions): string[] {
  const names = [...packages.keys()]
  const stem = stemOf(name)
  const renamed = namedBy(name, packages, ({ replaces }) => replaces)
  const renumbered = /[a-z]/.test(stem) ? names.filter((each) => stemOf(each) === stem) : []
  const within = names.filter((each) => `-${each.replaceAll('.', '-')}-`.includes(`-${name}-`))
  const [first, second, ...others] = nearestNames(name, names)
  const newestFirst = new Intl.Collator('en', { numeric: true }).compare
  return [
    ...new Set([
      ...renamed.slice(0, 2),
      ...renumbered.sort((a, b) => newestFirst(b, a)).slice(0, 2),
      first,
      second,
      ...within.sort((a, b) => a.length - b.length),
      ...others,
    ]),
  ]
    .filter((each) => each !== undefined)
    .slice(0, AT_MOST)
}

/** `libboost1.74-dev` and `libboost1.81-dev` have the same. */
function stemOf(name: string): string {
  return name.replace(/[0-9]+(\.[0-9]+)*/g, '')
}

function namedBy(
  name: string,
  packages: PackageVersions,
  relation: (entry: BinaryPackage) => string,
): string[] {
  const names = (entry: BinaryPackage) => {
    const text = relation(entry)
    return text.includes(name) && text.split(',').some((one) => one.trim().split(/[\s(:]/, 1)[0] === name)
  }
  return [...packages].flatMap(([owner, versions]) => (versions.some(names) ? [owner] : []))
}
