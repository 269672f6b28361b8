import { isDeepStrictEqual } from 'node:util'
import { compareCodeUnits, type Json } from '../canonical-json.ts'
import { checkLock } from '../check-lock.ts'
import { compareFields, inputsChecksum } from '../lock-inputs.ts'
import { normalizeLock } from '../normalize-lock.ts'
import { LockedImage, type LockedPlatform, type LockedStep, type Lockfile } from '../schema.ts'
import { threeWay } from './three-way.ts'

/** What cannot be merged, by its place in the lockfile. */
export interface MergeConflict {
  field: string
  reason: string
}

export type LockMerge = { kind: 'merged'; lock: Lockfile } | { kind: 'conflict'; conflicts: MergeConflict[] }

/**
 * Merges what two sides made of a lock: inputs by field, and by platform the base and each step as a whole. A change of
 * one side is taken. An `apt` or `pip` step that no side resolved on top of the merged base and steps is a conflict, as
 * `lock recipe` would resolve it again, too; projects don't count in this. The image stays recorded only when a side has
 * recorded it for what comes out. Which side is which makes no difference.
 *
 * @param base what both sides began with; undefined when each added the lockfile
 */
export function mergeLocks(base: Lockfile | undefined, ours: Lockfile, theirs: Lockfile): LockMerge {
  if (base === undefined) {
    if (isDeepStrictEqual(normalizeLock(ours), normalizeLock(theirs)))
      return { kind: 'merged', lock: normalizeLock(ours) }
    return conflict([{ field: 'lock.json', reason: 'was added on both sides, not alike' }])
  }
  return mergeSides({ base: normalizeLock(base), ours: normalizeLock(ours), theirs: normalizeLock(theirs) })
}

/** One value in its three states. */
interface Three<T> {
  base: T
  ours: T
  theirs: T
}

function mergeSides(locks: Three<Lockfile>): LockMerge {
  const conflicts: MergeConflict[] = []
  /** Undefined, and reported, when both sides changed it. */
  const merge = <T>(field: string, { base, ours, theirs }: Three<T>): T | undefined => {
    const merged = threeWay(base, ours, theirs)
    if (merged.kind === 'merged') return merged.value
    conflicts.push({ field, reason: 'was changed on both sides, not alike' })
    return undefined
  }
  const recipe =
    merge(
      'recipe',
      each(locks, (lock) => lock.recipe),
    ) ?? locks.ours.recipe
  const fields = mergeByKey(
    each(locks, (lock) => lock.inputs.fields),
    compareFields,
    (name, values) => merge(`inputs.fields.${name}`, values),
  )
  const platforms = mergeByKey(
    each(locks, (lock) => lock.platforms as Record<string, LockedPlatform>),
    compareCodeUnits,
    (name, { base, ours, theirs }) => {
      const path = `platforms["${name}"]`
      if (!base || !ours || !theirs) return merge(path, { base, ours, theirs })
      return mergePlatform(path, { base, ours, theirs }, merge)
    },
  )
  const inputs = { checksum: inputsChecksum(fields), fields }
  const lock = withImages(locks, normalizeLock({ ...locks.ours, recipe, inputs, platforms }))
  if (conflicts.length === 0) conflicts.push(...unfounded(locks, lock))
  if (conflicts.length === 0) {
    conflicts.push(...checkLock(lock).map(({ path, reason }) => ({ field: path, reason })))
  }
  return conflicts.length === 0 ? { kind: 'merged', lock } : conflict(conflicts)
}

function mergePlatform(
  path: string,
  platforms: Three<LockedPlatform>,
  merge: <T>(field: string, values: Three<T>) => T | undefined,
): LockedPlatform {
  // the epoch is the newest date of the base
  const { ours } = platforms
  const foundation = merge(
    `${path}.base`,
    each(platforms, ({ epoch, base }) => ({ epoch, base })),
  )
  const count = Math.max(...Object.values(platforms).map(({ steps }) => steps.length))
  const steps = Array.from({ length: count }, (_, index) =>
    merge<LockedStep | undefined>(
      `${path}.steps[${index}]`,
      each(platforms, (platform) => platform.steps[index]),
    ),
  )
  const recipes = merge(
    `${path}.recipes`,
    each(platforms, (platform) => platform.recipes),
  )
  const { recipes: _, ...own } = ours
  const others = recipes === undefined ? {} : { recipes }
  return { ...own, ...others, ...foundation, steps: steps.filter((step) => step !== undefined) }
}

/** Resolved steps that no side has resolved on top of the base and the steps that came out before them. */
function unfounded({ ours, theirs }: Three<Lockfile>, lock: Lockfile): MergeConflict[] {
  return Object.entries(lock.platforms).flatMap(([name, { steps }]) =>
    steps.flatMap((step, index) => {
      if (step.kind !== 'apt' && step.kind !== 'pip') return []
      const wanted = foundation(lock, name, index)
      const stands = [ours, theirs].some((side) => isDeepStrictEqual(foundation(side, name, index), wanted))
      if (stands) return []
      const reason =
        'was not resolved with what comes before it now: the base, or a step, changed on the other side'
      return [{ field: `platforms["${name}"].steps[${index}]`, reason }]
    }),
  )
}

/** What decides a resolved step: its own request, and base and steps before it. */
function foundation({ inputs, platforms }: Lockfile, name: string, last: number): unknown {
  const platform = (platforms as Record<string, LockedPlatform>)[name]
  const steps = platform?.steps.slice(0, last + 1) ?? []
  return {
    base: [inputs.fields.base, platform?.epoch, platform?.base, platform?.recipes],
    steps: steps.map((step, index) =>
      step.kind === 'project' ? step.kind : [inputs.fields[`steps[${index}]`], step],
    ),
  }
}

/** Images that a side has recorded for just what came out; none where two sides differ about it. */
function withImages({ base, ours, theirs }: Three<Lockfile>, lock: Lockfile): Lockfile {
  const platforms = Object.entries(lock.platforms).map(([name, platform]) => {
    const recorded = (side: Lockfile) =>
      (side.platforms as Record<string, LockedPlatform>)[name]?.image ?? null
    const content = ({ recipe, inputs, platforms }: Lockfile) => {
      const locked = (platforms as Record<string, LockedPlatform>)[name]
      return [recipe, inputs, locked && { ...locked, image: null }]
    }
    const wanted = content(lock)
    const [one, other] = [ours, theirs].filter((side) => isDeepStrictEqual(content(side), wanted))
    if (!one) return [name, { ...platform, image: null }]
    if (!other) return [name, { ...platform, image: recorded(one) }]
    return [name, { ...platform, image: mergeImages(recorded(base), recorded(one), recorded(other)) }]
  })
  return { ...lock, platforms: Object.fromEntries(platforms) as Lockfile['platforms'] }
}

/** Of the same image, what each side has noted of it goes together, but for a note that they differ about. */
function mergeImages(
  base: LockedImage | null,
  ours: LockedImage | null,
  theirs: LockedImage | null,
): LockedImage | null {
  const both = threeWay(base, ours, theirs)
  if (both.kind === 'merged') return both.value
  if (ours === null || ours.id !== theirs?.id) return null
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]) as Set<keyof LockedImage>
  const fields = [...names].map((name) => {
    const merged = threeWay<unknown>(base?.[name], ours[name], theirs[name])
    return [name, merged.kind === 'merged' ? merged.value : undefined]
  })
  const image = LockedImage.safeParse(Object.fromEntries(fields.filter(([, value]) => value !== undefined)))
  return image.success ? image.data : null
}

function mergeByKey<T extends Json | LockedPlatform>(
  records: Three<Record<string, T>>,
  order: (a: string, b: string) => number,
  merge: (key: string, values: Three<T | undefined>) => T | undefined,
): Record<string, T> {
  const maps = each(records, (record) => new Map(Object.entries(record)))
  const keys = [...new Set([...maps.base.keys(), ...maps.ours.keys(), ...maps.theirs.keys()])].sort(order)
  const merged = keys.flatMap((key): [string, T][] => {
    const value = merge(
      key,
      each(maps, (map) => map.get(key)),
    )
    return value === undefined ? [] : [[key, value]]
  })
  return Object.fromEntries(merged)
}

function each<T, U>({ base, ours, theirs }: Three<T>, get: (value: T) => U): Three<U> {
  return { base: get(base), ours: get(ours), theirs: get(theirs) }
}

const conflict = (conflicts: MergeConflict[]): LockMerge => ({ kind: 'conflict', conflicts })
