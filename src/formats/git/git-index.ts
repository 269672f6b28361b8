import { createHash } from 'node:crypto'

/** One path of the index (gitformat-index, "Index entry"). */
export interface IndexEntry {
  /** Below the work tree; bytes as latin1. */
  path: string
  /** Type and permissions: 0o100644, 0o100755, 0o120000 of symlinks, 0o160000 of submodules. */
  mode: number
  /** Object name in hex. */
  object: string
  /** 0, or 1 to 3 while a merge is unfinished. */
  stage: number
  /** Not in the work tree by intention (sparse checkouts). */
  skipWorktree: boolean
}

export type GitIndex = { entries: IndexEntry[]; problem?: undefined } | { problem: string }

const EXTENDED = 0x4000
const SKIP_WORKTREE = 0x4000
const FIXED = 40

/**
 * Parses a git index of version 2, 3 or 4 (gitformat-index).
 *
 * @param hash of the repository's objects
 * @param found called for each path, before it is kept
 */
export function parseGitIndex(
  file: Buffer,
  hash: 'sha1' | 'sha256',
  found: (path: string) => void = () => {},
): GitIndex {
  const width = hash === 'sha1' ? 20 : 32
  if (file.length < 12 + width || file.toString('latin1', 0, 4) !== 'DIRC')
    return { problem: 'it is not an index' }
  const version = file.readUInt32BE(4)
  if (version < 2 || version > 4) return { problem: `its version is ${version}` }
  const end = file.length - width
  const sum = file.subarray(end)
  // all zeros with the setting index.skipHash
  if (sum.some((byte) => byte !== 0) && !createHash(hash).update(file.subarray(0, end)).digest().equals(sum))
    return { problem: 'its checksum is wrong' }
  const entries: IndexEntry[] = []
  let at = 12
  let before = ''
  for (let left = file.readUInt32BE(8); left > 0; left -= 1) {
    const start = at
    const names = start + FIXED + width
    if (names + 4 > end) return CUT_SHORT
    const flags = file.readUInt16BE(names)
    const isExtended = version >= 3 && (flags & EXTENDED) !== 0
    const more = isExtended ? file.readUInt16BE(names + 2) : 0
    at = names + (isExtended ? 4 : 2)
    let kept = ''
    if (version === 4) {
      const removed = readOffset(file, at, end)
      if (removed === undefined || removed.value > before.length) return CUT_SHORT
      kept = before.slice(0, before.length - removed.value)
      at = removed.next
    }
    const nul = file.indexOf(0, at)
    if (nul < 0 || nul >= end) return CUT_SHORT
    const path = kept + file.toString('latin1', at, nul)
    if (path.length > PATH_LIMIT) return { problem: `a path has ${path.length} bytes` }
    // before version 4 one to eight NULs pad the entry
    at = version === 4 ? nul + 1 : start + ((nul - start + 8) & ~7)
    before = path
    found(path)
    entries.push({
      path,
      mode: file.readUInt32BE(start + 24),
      object: file.toString('hex', start + FIXED, names),
      stage: (flags >> 12) & 3,
      skipWorktree: (more & SKIP_WORKTREE) !== 0,
    })
  }
  const link = findExtension(file, at, end)
  return link ? { problem: `its required extension "${link}" is not read` } : { entries }
}

const CUT_SHORT = { problem: 'it is cut short' }
/** Linux's PATH_MAX. */
const PATH_LIMIT = 4096

/** A number of seven bits a byte, as offsets in packs have it (gitformat-pack, "OFS_DELTA"). */
function readOffset(file: Buffer, start: number, end: number): { value: number; next: number } | undefined {
  let value = -1
  for (let at = start; at < end && at < start + 4; at += 1) {
    const byte = file[at] ?? 0
    value = (value + 1) * 128 + (byte & 127)
    if (byte < 128) return { value, next: at + 1 }
  }
  return undefined
}

/** The first extension without which the entries are not all: its name begins with a small letter. */
function findExtension(file: Buffer, start: number, end: number): string | undefined {
  for (let at = start; at + 8 <= end; at += 8 + file.readUInt32BE(at + 4)) {
    const name = file.toString('latin1', at, at + 4)
    if (!/^[A-Z]/.test(name)) return name
  }
  return undefined
}
