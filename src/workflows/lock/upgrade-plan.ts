import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import { baseDebianNames } from '../../lock/base-packages.ts'
import type { LockedPlatform, LockedStep } from '../../lock/schema.ts'

/** A version that a resolver is to stay with. */
export interface KeptVersion {
  name: string
  version: string
}

/** How far a step that is resolved again may go from what is locked of it. */
export interface UpgradeRoom {
  stay: readonly KeptVersion[]
  /** Versions to be left behind. */
  beyond: readonly KeptVersion[]
  pinned: LockedStep
}

/** Which packages of which steps are to move, and what is to stay where it is. */
export interface UpgradePlan {
  /** Names to move, by step. */
  asked: ReadonlyMap<number, ReadonlySet<string>>
  /** Whether Debian's present indexes are needed. */
  apt: boolean
}

/**
 * Finds the packages that are asked for in a lock.
 *
 * @param names `NAME`, or `apt:NAME` and `pip:NAME` to tell two of one name apart
 * @throws {StillroomError} USAGE with each name that no step of the lock has, or that the base has
 */
export function planUpgrade(locked: LockedPlatform, names: readonly string[]): UpgradePlan {
  const asked = new Map<number, Set<string>>()
  const unknown: string[] = []
  let apt = false
  for (const word of names) {
    const [, kind, given = ''] = /^(?:(apt|pip):)?(.+)$/.exec(word) ?? []
    let found = false
    for (const [index, step] of locked.steps.entries()) {
      const name = step.kind === 'pip' ? given.replace(/[-_.]+/g, '-').toLowerCase() : given
      if ((kind ?? step.kind) !== step.kind || !namesOf(step).has(name)) continue
      asked.set(index, (asked.get(index) ?? new Set()).add(name))
      apt ||= step.kind === 'apt'
      found = true
    }
    if (!found) unknown.push(word)
  }
  if (unknown.length === 0) return { asked, apt }
  const base = new Set(baseDebianNames(locked.base))
  const inBase = unknown.filter((word) => base.has(word.replace(/^apt:/, '')))
  throw new StillroomError('USAGE', `cannot upgrade ${unknown.join(', ')}: no step of the lock has it`, {
    hint:
      inBase.length > 0
        ? `${inBase.join(', ')} belongs to the base, which moves as a whole: --upgrade without names`
        : 'names are those in the lockfile; --upgrade without names takes the newest of everything',
  })
}

/** What a step's resolver is to stay with: all that it has locked, but what is asked to move. */
export function keptVersions(pinned: LockedStep, asked: ReadonlySet<string> | undefined): KeptVersion[] {
  return entriesOf(pinned)
    .filter(({ name }) => !asked?.has(name))
    .map(({ name, version }) => ({ name, version }))
}

/** What is asked to move, at the versions that it is to leave. */
export function askedVersions(pinned: LockedStep, asked: ReadonlySet<string> | undefined): KeptVersion[] {
  return entriesOf(pinned)
    .filter(({ name }) => asked?.has(name))
    .map(({ name, version }) => ({ name, version }))
}

/**
 * Resolves while staying with as much as can stay: what a refusal names may move in the next try, and when a refusal
 * names nothing of it, all may.
 *
 * @param onRelease told what may move now
 */
export async function stayingWith<T>(
  kept: readonly KeptVersion[],
  attempt: (kept: readonly KeptVersion[]) => Promise<T>,
  onRelease: (names: string[]) => void,
): Promise<T> {
  let left = kept
  for (;;) {
    try {
      return await attempt(left)
    } catch (error) {
      if (!(error instanceof StillroomError) || !CONFLICTS.has(error.code) || left.length === 0) throw error
      const { blamed } = Blame.parse(error.details ?? {})
      const named = left.filter(({ name }) => blamed.includes(name))
      const released = named.length > 0 ? named : left
      left = left.filter((entry) => !released.includes(entry))
      onRelease(released.map(({ name }) => name))
    }
  }
}

const CONFLICTS = new Set(['APT_UNRESOLVABLE', 'PIP_CONFLICT', 'PIP_PACKAGE_UNKNOWN'])

/** Packages that a resolver says stand in the way. */
const Blame = z.object({ blamed: z.array(z.string()).default([]) })

function namesOf(step: LockedStep): ReadonlySet<string> {
  return new Set(entriesOf(step).map(({ name }) => name))
}

function entriesOf(step: LockedStep): readonly KeptVersion[] {
  if (step.kind === 'apt') return step.packages
  return step.kind === 'pip' ? step.files : []
}
