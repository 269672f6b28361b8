import { StillroomError } from '../../error.ts'
import { CLOCK_COMPILER } from '../../lock/pins/base-pins.ts'
import { DebianPackage, type LockedDebianBase } from '../../lock/schema.ts'
import { isOfBase } from '../../lock/suite-indexes.ts'
import type { Suite } from '../../recipe/schema.ts'
import { minimalClosure, seedClosure } from './closure.ts'
import type { FetchedIndex } from './fetch-indexes.ts'
import { type BinaryPackage, readPackages } from './read-packages.ts'

/**
 * Picks a suite's base system from its verified indexes: the Essential packages, apt, and what they depend on, each
 * in the newest version of all the indexes; and the seed, those whose files alone can run dpkg.
 *
 * @throws {StillroomError} INDEX_INVALID when the indexes don't hold such a system.
 */
export function resolveBase(
  suite: Suite,
  indexes: readonly Pick<FetchedIndex, 'index' | 'packages'>[],
): LockedDebianBase {
  const own = indexes.filter(({ index }) => isOfBase(index))
  const packages = readPackages(own.map(({ index, packages }) => ({ archive: index.archive, packages })))
  const seed = seedClosure(packages).map((entry) => entry.name)
  const clock = packages.get(CLOCK_COMPILER)
  return {
    kind: 'debian',
    suite,
    indexes: indexes.map(({ index }) => index),
    seed,
    packages: minimalClosure(packages, ['apt', ...seed]).map(lockPackage),
    ...(clock === undefined ? {} : { clock: lockPackage(clock) }),
  }
}

/** The compiler of the steps' clock, for a base that was locked without one; undefined when the indexes lack it. */
export function resolveClock(
  indexes: readonly Pick<FetchedIndex, 'index' | 'packages'>[],
): DebianPackage | undefined {
  const packages = readPackages(indexes.map(({ index, packages }) => ({ archive: index.archive, packages })))
  const clock = packages.get(CLOCK_COMPILER)
  return clock === undefined ? undefined : lockPackage(clock)
}

function lockPackage(entry: BinaryPackage): DebianPackage {
  const { name, version, architecture, archive, path, size, sha256 } = entry
  const locked = DebianPackage.safeParse({ name, version, architecture, archive, path, size, sha256 })
  if (locked.success) return locked.data
  const [issue] = locked.error.issues
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot lock ${name} ${version}: field "${issue?.path.join('.')}" of its index entry ${issue?.message}`,
  )
}
