import type { FileDifference } from '../image/compare-trees.ts'

/** What two images are to each other; see docs/verify.md. */
export type ImageVerdict = 'identical' | 'equivalent' | 'different'

/** Every difference between images `a` and `b`, by what it is a difference of; plain JSON data. */
export interface ImageDifference {
  /** `equivalent`: the merged trees and the settings are the same, and only their packaging is not. */
  verdict: ImageVerdict
  /** Ordered by field. */
  config: ConfigDifference[]
  /** Ordered by index. */
  layers: LayerDifference[]
  /** Ordered as a walk through both trees: parents first, names by their bytes. */
  files: FileDifference[]
}

/** One leaf of the config: `created`, `config/Env/PATH`, `history/2/created_by`. */
export interface ConfigDifference {
  field: string
  /** JSON values; undefined where the image lacks the field; credentials are `[redacted]`. */
  a?: unknown
  b?: unknown
}

export interface LayerDifference {
  /** Lowest 0. */
  index: number
  /** DiffIDs; undefined when the image has fewer layers. */
  a?: string
  b?: string
}
