import { parseReference } from '../../formats/image-reference.ts'
import { archiveName } from '../../recipe/archive-name.ts'
import type { AptArchive, DebianBase, ImageBase } from '../../recipe/schema.ts'
import type { DebianIndex, LockedDebianBase, LockedImageBase } from '../schema.ts'
import { suiteIndexes } from '../suite-indexes.ts'
import { comparePaths } from './debian-pins.ts'
import { type Contradiction, unequal } from './pin.ts'

/** A C compiler in one package, which needs nothing but the C library that every seed has. */
export const CLOCK_COMPILER = 'tcc'

/** The packages are of the suite that the recipe names, and of its indexes. */
export function compareSuite(base: DebianBase, pinned: LockedDebianBase): Contradiction[] {
  const { suite } = base
  const known = new Set(
    suiteIndexes(base).flatMap(({ archive, suite, components }) =>
      components.map((component) => `${archive} ${suite} ${component}`),
    ),
  )
  const foreign = pinned.indexes
    .filter(({ url }) => url === undefined)
    .map((index) => `${index.archive} ${index.suite} ${index.component}`)
    .filter((name) => !known.has(name))
  const archives = new Set(pinned.indexes.map(({ archive }) => archive))
  return [
    ...unequal('suite', pinned.suite, suite),
    ...foreign.map((locked) => ({ field: 'indexes', locked, wanted: `one of ${suite}` })),
    ...comparePaths('packages', pinned.packages, { archives }),
    ...(pinned.clock === undefined ? [] : comparePaths('clock', [pinned.clock], { archives })),
    ...(pinned.clock === undefined ? [] : unequal('clock.name', pinned.clock.name, CLOCK_COMPILER)),
  ]
}

/** The indexes of archives of others are those that the recipe names, signed by the keys that it names. */
export function compareArchives(
  archives: readonly AptArchive[],
  pinned: readonly DebianIndex[],
): Contradiction[] {
  const named = archives.flatMap(({ url, suite, components, key, snapshot = null }) =>
    (components.length > 0 ? components : ['']).map((component) => {
      return { archive: archiveName(url), suite, component, url, snapshot, key: key.fingerprint }
    }),
  )
  return pinned.flatMap(({ archive, suite, component, url, snapshot = null, signedBy }, i) => {
    if (url === undefined) return []
    const isNamed = named.some(
      (each) =>
        each.archive === archive &&
        each.suite === suite &&
        each.component === component &&
        each.url === url &&
        each.snapshot === snapshot &&
        signedBy.includes(each.key),
    )
    const locked = `${url} ${suite} ${component} by ${signedBy.join(' ')}`
    return isNamed ? [] : [{ field: `indexes[${i}]`, locked, wanted: 'one of the archives of the recipe' }]
  })
}

/** The image is the one that the recipe names; which registry a name without one is of is for the machine to say. */
export function compareReference({ reference }: ImageBase, pinned: LockedImageBase): Contradiction[] {
  const wanted = parseReference(reference, '')
  const locked = parseReference(pinned.reference, '')
  const isSame =
    (wanted.registry === '' || wanted.registry === locked.registry) &&
    wanted.repository === locked.repository &&
    wanted.tag === locked.tag &&
    wanted.digest === locked.digest
  const found = pinned.index ?? pinned.manifest
  return [
    ...(isSame ? [] : [{ field: 'reference', locked: pinned.reference, wanted: reference }]),
    ...(wanted.digest === undefined
      ? []
      : unequal(pinned.index === null ? 'manifest' : 'index', found, wanted.digest)),
  ]
}
