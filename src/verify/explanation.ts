import type { NamedCause } from './cause.ts'
import type { ContentDetail } from './content-detail.ts'

/** What differs in two contents, and why, the surest cause first; no cause when none can be named. */
export interface Explanation {
  detail: ContentDetail
  causes: NamedCause[]
}

/** Explains what differs between two contents that lie in something: an archive, a compressed file. */
export type ExplainInner = (name: string, a: Buffer, b: Buffer) => Promise<Explanation>

/** Several causes as one list without repetition. */
export function distinctCauses(causes: readonly NamedCause[]): NamedCause[] {
  const seen = new Map<string, NamedCause>()
  for (const cause of causes) if (!seen.has(cause.cause)) seen.set(cause.cause, cause)
  return [...seen.values()]
}
