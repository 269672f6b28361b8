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
