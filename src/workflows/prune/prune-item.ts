/** One thing that stillroom has on this machine. */
export interface PruneItem {
  kind:
    | 'artifacts'
    | 'cache'
    | 'contexts'
    | 'temporary'
    | 'tasks'
    | 'image'
    | 'containers'
    | 'build cache'
    | 'engine'
    | 'lost layers'
  what: string
  /** What it takes, or would free; null when that is not known. */
  bytes: number | null
  /** Why it stays; null for what goes. */
  keptFor: string | null
  remove?: () => Promise<void>
}

/** What prune is asked to do. */
export interface PruneOptions {
  /** Everything goes that can be made or fetched again, but for recipes in `keep`. */
  all: boolean
  /** Recipes that nothing is taken from. */
  keep: readonly string[]
  /** How long what a lock elsewhere needed is kept. */
  days: number
}
