import type { FileDifference } from '../image/compare-trees.ts'
import type { CauseId, NamedCause } from './cause.ts'
import type { ConfigDifference, ImageVerdict, LayerDifference } from './difference.ts'

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

/** What differs inside a file, as deep as it was looked into. */
export type ContentDetail =
  | TextDetail
  | ArchiveDetail
  | CompressedDetail
  | ElfDetail
  | ByteCodeDetail
  | BytesDetail
  | UnreadDetail

/** Lines of a unified diff without its header; control characters are escaped. */
export interface TextDetail {
  kind: 'text'
  patch: string[]
  /** Lines of the diff that were left out. */
  omitted: number
}

/** A tar, zip or ar archive by its members. */
export interface ArchiveDetail {
  kind: 'archive'
  format: 'tar' | 'zip' | 'ar'
  /** Members that differ, in the order of a's archive, those of b alone last. */
  members: MemberDifference[]
  /** Whether the members that both have come in another order. */
  reordered: boolean
}

export interface MemberDifference {
  name: string
  change: 'added' | 'removed' | 'changed'
  /** `content`, `mtime`, `mode`, `uid`, `gid`: what differs of a member that both have. */
  fields: string[]
  detail?: ContentDetail
}

/** A file compressed by gzip, xz or zstd: its header, and what was compressed. */
export interface CompressedDetail {
  kind: 'compressed'
  format: 'gzip' | 'xz' | 'zstd'
  /** Fields of the header that differ: `mtime`, `name`, `flags`. */
  header: string[]
  /** What differs of the uncompressed content; undefined when that is the same. */
  inner?: ContentDetail
}

/** An ELF object by its sections. */
export interface ElfDetail {
  kind: 'elf'
  sections: { name: string; change: 'added' | 'removed' | 'changed'; sizes: [a: number, b: number] }[]
  /** Printable strings that only one of the two has, the first of each. */
  strings: { a: string[]; b: string[] }
}

/** Python byte code (PEP 3147, PEP 552) by its header and its code. */
export interface ByteCodeDetail {
  kind: 'byte-code'
  /** What differs: `magic`, `flags`, `source time`, `source size`, `source hash`, `code`. */
  parts: string[]
}

export interface BytesDetail {
  kind: 'bytes'
  /** Offset of the first byte that differs. */
  offset: number
  /** Bytes that differ at the same offset, and those that only the longer file has. */
  count: number
  /** Printable strings that only one of the two has, the first of each. */
  strings: { a: string[]; b: string[] }
}

export interface UnreadDetail {
  kind: 'unread'
  /** Why the content was not looked into. */
  reason: string
}
