import { StillroomError } from '../error.ts'

/**
 * What the first source gives that has it. What is no StillroomError is thrown at once.
 *
 * @param sources best first
 * @param blame picks what is thrown of all failures; the last one when left out
 */
export async function firstGood<S, T>(
  sources: readonly S[],
  attempt: (source: S) => Promise<T>,
  blame = (failures: StillroomError[]) => failures.at(-1),
): Promise<T> {
  const failures: StillroomError[] = []
  for (const source of sources) {
    try {
      return await attempt(source)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      failures.push(error)
    }
  }
  throw blame(failures)
}
