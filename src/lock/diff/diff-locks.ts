import { compareCodeUnits } from '../canonical-json.ts'
import { compareInputs } from '../compare-inputs.ts'
import type { LockedImage, LockedPlatform, Lockfile } from '../schema.ts'
import { classifyChange, levelOf } from './classify-change.ts'
import { compareLevels, maxLevel } from './levels.ts'
import { diffDetails } from './list-details.ts'
import { listEntries } from './list-entries.ts'
import { type Pair, pairEntries, stateText } from './pair-entries.ts'
import type {
  ChangeClass,
  DiffLevel,
  FieldChange,
  ImageChange,
  LockChanges,
  PackageChange,
} from './schema.ts'

/**
 * What turns the one lock into the other; null where a recipe has none. All lists are empty when the locks say the same.
 * The order of entries in the locks means nothing. Packages come as a reader wants them: what the recipe asks for
 * first, then by level, ecosystem and name.
 */
export function diffLocks(a: Lockfile | null, b: Lockfile | null): LockChanges {
  const [before, after] = [a === null ? [] : listEntries(a), b === null ? [] : listEntries(b)]
  const known = a === null ? undefined : new Set(before.flatMap(({ state }) => state.source ?? []))
  const packages = pairEntries(before, after)
    .map((pair) => describePair(pair, known))
    .sort(comparePackages)
  return {
    inputs: compareInputs(a?.inputs, b?.inputs).map(({ field, expected, actual }) => ({
      field,
      from: expected ?? null,
      to: actual ?? null,
    })),
    packages,
    details: diffDetails(a, b),
    images: diffImages(a, b),
  }
}

/** The highest level of all that differs; null when nothing does. */
export function levelOfChanges({ inputs, packages, details, images }: LockChanges): DiffLevel | null {
  const levels: DiffLevel[] = packages.map(({ level }) => level)
  if (inputs.length + details.length + images.length > 0) levels.push('any')
  const isNew = details.some(({ field, from }) => field === 'recipe' && from === null)
  if (!isNew && details.some(isOtherSource)) levels.push('source')
  return levels.length === 0 ? null : maxLevel(levels)
}

/** Whether a submodule comes from another address. */
function isOtherSource({ from, to }: FieldChange): boolean {
  const url = (value: FieldChange['from']) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? value.url : undefined
  return url(to) !== undefined && url(from) !== url(to)
}

function describePair(
  { entry: { platform, ecosystem, name }, from, to }: Pair,
  known: ReadonlySet<string> | undefined,
): PackageChange {
  const kind: ChangeClass =
    from === null ? 'added' : to === null ? 'removed' : classifyChange(ecosystem, from, to)
  const asked = (from?.asked ?? false) || (to?.asked ?? false)
  return {
    platform,
    ecosystem,
    name,
    class: kind,
    level: levelOf(kind, to, known),
    asked,
    from,
    to,
    log: null,
  }
}

function comparePackages(a: PackageChange, b: PackageChange): number {
  return (
    Number(b.asked) - Number(a.asked) ||
    compareLevels(b.level, a.level) ||
    compareCodeUnits(a.platform, b.platform) ||
    compareCodeUnits(a.ecosystem, b.ecosystem) ||
    compareCodeUnits(a.name, b.name) ||
    compareCodeUnits(statesText(a), statesText(b))
  )
}

function statesText({ from, to }: PackageChange): string {
  return [from, to].map((state) => (state === null ? '' : stateText(state) + state.place)).join('\n')
}

function diffImages(a: Lockfile | null, b: Lockfile | null): ImageChange[] {
  const [left, right] = [imagesOf(a), imagesOf(b)]
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort(compareCodeUnits)
    .map((platform) => ({ platform, from: left.get(platform) ?? null, to: right.get(platform) ?? null }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to))
}

/** Fields in one order, so that equal images have equal text. */
function imagesOf(lock: Lockfile | null): Map<string, LockedImage | null> {
  const platforms = Object.entries(lock?.platforms ?? {}) as [string, LockedPlatform][]
  return new Map(
    platforms.map(([name, { image }]) => {
      if (image === null) return [name, null]
      const { id, tree, size, diffIDs, archive, published } = image
      const saved = archive && { archive: { sha256: archive.sha256, size: archive.size } }
      const pushed = published && {
        published: { reference: published.reference, manifest: published.manifest },
      }
      return [name, { id, tree, size, diffIDs, ...saved, ...pushed }]
    }),
  )
}
