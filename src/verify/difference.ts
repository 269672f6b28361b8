import type { FileType } from '../image/layer-entry.ts'

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

export type FileField =
  | 'type'
  | 'content'
  | 'mode'
  | 'uid'
  | 'gid'
  | 'mtime'
  | 'target'
  | 'device'
  | 'hardlinks'
  | 'xattrs'

export interface FileDifference {
  /** With a slash in front; bytes that are not printable ASCII are written `%XX`. */
  path: string
  /** `added`: only b has it; `removed`: only a has it. */
  change: 'added' | 'removed' | 'changed'
  /** What differs of a changed file, in the order of {@link FileField}; empty when it was added or removed. */
  fields: FileField[]
  a?: FileFacts
  b?: FileFacts
}

/** A file as a difference reports it. */
export interface FileFacts {
  type: FileType
  /** Four octal digits. */
  mode: string
  uid: number
  gid: number
  /** Bytes. */
  size: number
  /** Seconds since 1970. */
  mtime: number
  /** Of a regular file's content, in hex. */
  sha256?: string
  /** Of a symlink. */
  target?: string
  /** Of a device: major and minor number. */
  device?: string
  /** The other names of the same file. */
  hardlinks?: string[]
  /** Values in hex. */
  xattrs?: Record<string, string>
}
