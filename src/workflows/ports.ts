import type { Sources } from '../sources/find-sources.ts'
import type { Store } from '../store/store.ts'

// What a use case may ask for, each by its own name: a function takes those that it uses, such as
// `ports: Project & Cancellation`. `openSession` gives them all.

export interface Project {
  /** Holds `recipes` and `generated`. */
  directory: string
}

export interface Environment {
  env: Readonly<Record<string, string | undefined>>
}

export interface Cancellation {
  signal: AbortSignal
}

export interface Reporting {
  progress: Progress
}

export interface Cache {
  /** stillroom's own directory on this machine; whatever is in it can be made again. */
  cache: string
}

export interface Artifacts {
  store: Store
}

export interface Upstreams {
  /** Mirrors, indexes, registries and certificates: found when first asked for, since an unchanged build needs none. */
  sources(): Promise<Sources>
}

/** A project, and what git needs to read its repository. */
export type Repository = Project & Environment & Cancellation

/** What it takes to get artifacts from where they come from. */
export type Fetching = Artifacts & Upstreams & Environment & Cancellation & Reporting

/** Takes what a workflow reports while it works; everything of it goes to stderr. */
export type Progress = (event: ProgressEvent) => void
export type ProgressEvent =
  /** A stage of the work begins; the one before is over. */
  | { kind: 'stage'; title: string }
  /** Where the stage stands: replaces what was said before. */
  | { kind: 'status'; text: string }
  /** Something to be read even when all goes well. */
  | { kind: 'note'; text: string }
