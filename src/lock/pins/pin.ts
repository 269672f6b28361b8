import type { Json } from '../canonical-json.ts'
import type { Lockfile } from '../schema.ts'

/** A pin that is not what the recipe writes down. */
export interface Contradiction {
  /** Below the step or the base: `sha256`, `packages["openssl"]`. */
  field: string
  /** What is locked; undefined when nothing is. */
  locked: Json | undefined
  /** What the recipe says: the value itself, or what the value must meet. */
  wanted: Json | undefined
}

/** What a step is locked in. */
export interface Surroundings {
  /** Versions of the Debian packages that are installed once the step has run, by name. */
  debian: ReadonlyMap<string, string>
  /** Archives of which the base has an index. */
  archives: ReadonlySet<string>
  /** Of the recipe that the lock is compared with. */
  inputs: Lockfile['inputs']['fields']
}

/** A field of the recipe that the lock has no part of: only `inputs` repeats it. */
export const NOT_LOCKED = () => []

/** The rule for each field of a part of the recipe: a field without one does not compile. */
export type Rules<Part, Pinned> = {
  [Field in Exclude<keyof Part, 'kind'>]-?: (
    part: Part,
    pinned: Pinned,
    around: Surroundings,
  ) => Contradiction[]
}

/** One contradiction when two values differ, none else. */
export function unequal(field: string, locked: Json | undefined, wanted: Json | undefined): Contradiction[] {
  return locked === wanted ? [] : [{ field, locked, wanted }]
}
