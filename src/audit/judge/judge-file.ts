import { byteCodeSource } from '../../formats/python/byte-code.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import { judgeGenerated } from './generated/generated-rules.ts'
import { judgeByteCode, judgeLooseByteCode } from './judge-byte-code.ts'
import {
  FOREIGN_LAYER,
  hasLock,
  isForeign,
  isInLockedLayers,
  isOfImageBase,
  type JudgeContext,
  type Judgement,
  type LockedContext,
  makerOf,
} from './judge-context.ts'
import { madeBy } from './step-changes.ts'

/**
 * Decides whether a regular file is legitimate. The first that knows the file decides: a base that was an image; its
 * owners, by their own hash of it; its source, when it is byte code; the rule for what is generated at its path; the step
 * whose layer it comes from.
 */
export function judgeFile(
  path: string,
  inode: Inode,
  expected: readonly ExpectedFile[],
  context: JudgeContext,
): Judgement {
  if (isOfImageBase(inode, context.lock)) return { status: 'intact', owner: 'base' }
  const owners = expected.filter(({ type, made }) => type === 'file' && !made)
  const last = owners.at(-1)
  const code = byteCodeSource(path)
  if (code !== undefined && owners.every(({ digest, oneOf }) => digest === undefined && oneOf === undefined))
    return judgeByteCode(path, inode, code, context)
  if (last !== undefined) return judgeOwned(path, inode, owners, last, context)
  if (!hasLock(context)) {
    const issue = judgeLooseByteCode(path, context)
    return { status: 'unexplained', ...(issue === undefined ? {} : { issue }) }
  }
  return judgeGenerated(path, inode, context) ?? judgeUnowned(path, inode, context)
}

function judgeOwned(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  last: ExpectedFile,
  { lock }: JudgeContext,
): Judgement {
  const match = owners.find((file) => hasContent(inode, file) && !(file.unchecked && isForeign(inode, lock)))
  if (match !== undefined) {
    const { owner, generated } = match
    return generated === undefined
      ? { status: 'intact', owner }
      : { status: 'generated', owner, reason: generated }
  }
  const { owner, digest, size, configuration, unchecked } = last
  const isSame = unchecked && hasContent(inode, last)
  return {
    status: 'modified',
    owner,
    issue: {
      rule: 'file-modified',
      path,
      owner,
      message: isSame
        ? `it was built, and ${FOREIGN_LAYER}`
        : `${configuration ? 'the configuration file' : 'it'} differs from what ${owner} brings`,
      ...(digest === undefined ? {} : { expected: `${digest.algorithm}:${digest.value}` }),
      actual: `sha256:${inode.sha256}`,
      evidence: size === undefined || size === inode.size ? [] : [`${inode.size} bytes, expected ${size}`],
    },
  }
}

/** A digest of a kind that was not taken when the image was read matches nothing. */
function hasContent(inode: Inode, { digest, oneOf }: ExpectedFile): boolean {
  if (oneOf !== undefined) return oneOf.has(inode.sha256)
  if (digest === undefined) return true
  return digest.value === (digest.algorithm === 'git-blob' ? inode.gitBlob : inode[digest.algorithm])
}

function judgeUnowned(path: string, inode: Inode, context: LockedContext): Judgement {
  const maker = makerOf(inode, context)
  if (maker !== undefined && maker.by !== 'files')
    return { status: 'generated', owner: maker.name, reason: madeBy(path, maker, context) }
  if (isInLockedLayers(inode, context.lock)) return { status: 'unexplained' }
  if (inode.size === 0 && context.expected.effects.created(path) === 'file')
    return { status: 'generated', reason: 'made empty by a package as it is set up' }
  const message = 'no package and no step of the recipe has this file'
  return { status: 'unexplained', issue: { rule: 'file-unexplained', path, message } }
}
