import { type ByteCodeSource, PYTHONS, readByteCodeHeader } from '../../formats/python/byte-code.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import type { LockSubject } from '../subject.ts'
import { FOREIGN_LAYER, isForeign, type JudgeContext, type Judgement } from './judge-context.ts'

/** Judges byte code by its source: the one that its owner has, or else the one that is there. */
export function judgeByteCode(
  path: string,
  inode: Inode,
  { source, tag }: ByteCodeSource,
  { expected, image, lock, sourceHashes }: JudgeContext,
): Judgement {
  const owners = expected.at(source)
  const present = image.tree.findLink(source)?.inode
  const sha256 = lockedSource(owners, present) ?? present?.sha256
  const problem = (): string | undefined => {
    if (sha256 === undefined) return 'it has no source'
    if (inode.head === undefined) return 'it is empty'
    const wrong = headerProblem(inode.head, tag, sourceHashes.get(sha256), present)
    if (wrong !== undefined) return wrong
    return isForeignToAll(inode, lock) ? FOREIGN_LAYER : undefined
  }
  const found = problem()
  const owner = owners.at(-1)?.owner
  const whose = owner === undefined ? {} : { owner }
  if (found === undefined)
    return {
      status: 'generated',
      ...whose,
      reason: lock === undefined || isForeign(inode, lock) ? NOT_VERIFIED : LOCKED,
    }
  const message = `the byte code is not that of its source: ${found}`
  return { status: 'modified', ...whose, issue: { rule: 'byte-code', path, ...whose, message } }
}

const LOCKED = 'byte code of a source that is there, with its hash in it'
const NOT_VERIFIED =
  'byte code, not verified: its header names its source, but nothing says what a Python makes of it'

/** Whether a file comes from above all layers of the locked image: then it replaces what that has, or is one more. */
function isForeignToAll(inode: Inode, lock: LockSubject | undefined): boolean {
  return lock !== undefined && isForeign(inode, lock) && lock.layers === lock.locked.image?.diffIDs.length
}

/** What is wrong with byte code outside of `__pycache__`: Python imports it when it has no source beside it. */
export function judgeLooseByteCode(path: string, { image }: JudgeContext): Issue | undefined {
  if (!path.endsWith('.pyc') || image.tree.findLink(path.slice(0, -1)) !== undefined) return undefined
  return { rule: 'byte-code', path, message: 'the byte code has no source beside it, and Python imports it' }
}

/** The sha256 that its owners say of a source; where they differ, that of the one whose source is there. */
function lockedSource(owners: readonly ExpectedFile[], present: Inode | undefined): string | undefined {
  if (owners.some(({ oneOf }) => oneOf?.has(present?.sha256 ?? ''))) return present?.sha256
  const said = owners.flatMap(({ digest }) => (digest?.algorithm === 'sha256' ? [digest.value] : []))
  return said.find((sha256) => sha256 === present?.sha256) ?? said[0]
}

/**
 * What is wrong with the header of byte code. One with the hash of its source must have the right one, when it is
 * known; one that Python compares with time and size of its source must have those of the source at hand.
 *
 * @param hash as `sourceHash()` gives it; undefined when it is not known
 */
function headerProblem(
  head: Buffer,
  tag: string,
  hash: string | undefined,
  source: { mtime: number; size: number } | undefined,
): string | undefined {
  const header = readByteCodeHeader(head)
  if (header === undefined) return 'it is cut short'
  const python = PYTHONS.find((known) => known.tag === tag)
  if (python !== undefined && header.magic !== python.magic)
    return `it is not for the Python that its name says, ${tag}`
  if ('hash' in header.source) {
    const actual = header.source.hash
    return hash === undefined || actual === hash
      ? undefined
      : `it was made from another source: hash ${actual}, expected ${hash}`
  }
  const { mtime, size } = header.source
  if (source === undefined || (mtime === source.mtime >>> 0 && size === source.size >>> 0)) return undefined
  return `it was made from a source of ${size} bytes of time ${mtime}, and there is one of ${source.size} bytes of time ${source.mtime}`
}
