import { z } from 'zod'
import { StillroomError } from '../error.ts'
import type { PackageVersion } from '../lock/plan-lock.ts'

const CONFLICTS = new Set(['APT_UNRESOLVABLE', 'PIP_CONFLICT', 'PIP_PACKAGE_UNKNOWN'])

/** Packages that a resolver names as the cause of a conflict. */
const Blame = z.object({ blamed: z.array(z.string()).default([]) })

/**
 * Resolves while as many versions stay as can: those that a refusal names may move in the next attempt, and when a
 * refusal names none of them, all may.
 *
 * @param onRelease gets the names of packages that may move from now on
 */
export async function relaxConstraints<T>(
  stay: readonly PackageVersion[],
  attempt: (stay: readonly PackageVersion[]) => Promise<T>,
  onRelease: (names: string[]) => void,
): Promise<T> {
  let left = stay
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
