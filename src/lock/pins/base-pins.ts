import { parseReference } from '../../formats/image-reference.ts'
import type { DebianBase, ImageBase } from '../../recipe/schema.ts'
import type { LockedDebianBase, LockedImageBase } from '../schema.ts'
import { suiteIndexes } from '../suite-indexes.ts'
import { comparePaths } from './debian-pins.ts'
import { type Contradiction, unequal } from './pin.ts'

/** The packages are of the suite that the recipe names, and of its indexes. */
export function compareSuite(base: DebianBase, pinned: LockedDebianBase): Contradiction[] {
  const { suite } = base
  const known = new Set(
    suiteIndexes(base).flatMap(({ archive, suite, components }) =>
      components.map((component) => `${archive} ${suite} ${component}`),
    ),
  )
  const foreign = pinned.indexes
    .map((index) => `${index.archive} ${index.suite} ${index.component}`)
    .filter((name) => !known.has(name))
  const archives = new Set(pinned.indexes.map(({ archive }) => archive))
  return [
    ...unequal('suite', pinned.suite, suite),
    ...foreign.map((locked) => ({ field: 'indexes', locked, wanted: `one of ${suite}` })),
    ...comparePaths('packages', pinned.packages, { archives }),
  ]
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
