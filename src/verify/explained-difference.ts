import type { CauseId, NamedCause } from './cause.ts'
import type { ContentDetail } from './content-detail.ts'
import type { ConfigDifference, FileDifference, ImageVerdict, LayerDifference } from './difference.ts'

/** An image of a comparison, as a report names it. */
export interface ComparedImage {
  /** As it was asked for, or what it is: `stillroom/hello`, `image.tar`, `lockfile`. */
  reference: string
  /** The image ID. */
  id: string
  /** The tree digest; undefined when the image was not read, or only where it may differ from another. */
  tree?: string
  /** Bytes of all layers, uncompressed; undefined as the tree. */
  size?: number
  /** Lowest first. */
  diffIDs: string[]
}

/** Why two images differ: every difference with its causes, and the causes together; plain JSON data. */
export interface ExplainedDifference {
  verdict: ImageVerdict
  config: (ConfigDifference & { causes: NamedCause[] })[]
  layers: LayerDifference[]
  files: ExplainedFile[]
  /** Ordered by how many differences each explains. */
  causes: CauseSummary[]
}

export interface ExplainedFile extends FileDifference {
  /** The surest first; never empty. */
  causes: NamedCause[]
  /** What differs inside, for a changed regular file. */
  detail?: ContentDetail
}

/** One cause for all that it explains. */
export interface CauseSummary {
  cause: CauseId
  title: string
  advice: string
  /** Differences whose first cause this is. */
  count: number
  /** Some of what differs by it: paths, and `config/...` fields. */
  examples: string[]
}
