import type { Inode } from '../image/layer-entry.ts'
import type { FileVerdict } from './audit-report.ts'
import type { ExpectedFile, ExpectedFiles } from './expected-files.ts'
import { byteCodeProblem, byteCodeSource } from './generated/byte-code.ts'
import type { CheckContext } from './generated/rule.ts'
import { GENERATED } from './generated/rules.ts'
import type { RuleId } from './rules.ts'
import type { ImageSubject, LockSubject } from './subject.ts'

/** What is wrong with a path, before packages and credentials are looked at. */
export interface Issue {
  rule: RuleId
  path: string
  message: string
  owner?: string
  expected?: string
  actual?: string
  evidence?: string[]
}

export interface Judgement extends FileVerdict {
  issue?: Issue
}

export interface JudgeContext {
  image: ImageSubject
  /** Undefined when the image is held against no lock. */
  check: CheckContext | undefined
  expected: ExpectedFiles
  /** By sha256 of a source of the artifacts: what its byte code has in its header. */
  sourceHashes: ReadonlyMap<string, string>
  /** Layers by the step that made each, of steps that make files of their own. */
  stepLayers: ReadonlyMap<number, string>
}

/** Judges one regular file: its owner's own hash decides, then what may make it. */
export function judgeFile(
  path: string,
  inode: Inode,
  expected: readonly ExpectedFile[],
  context: JudgeContext,
): Judgement {
  if (isOfImageBase(inode, context.check?.lock)) return { status: 'intact', owner: 'base' }
  const owners = expected.filter(({ type }) => type === 'file')
  const last = owners.at(-1)
  if (last !== undefined) return judgeOwned(path, inode, owners, last, context)
  const code = byteCodeSource(path)
  if (code !== undefined) return judgeByteCode(path, inode, code, context)
  return judgeGenerated(path, inode, context)
}

function judgeOwned(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  last: ExpectedFile,
  { check }: JudgeContext,
): Judgement {
  const match = owners.find(
    ({ digest, oneOf, unchecked }) =>
      sameContent(inode, digest, oneOf) &&
      !(unchecked && check !== undefined && isForeign(inode, check.lock)),
  )
  if (match !== undefined) {
    const { owner, generated } = match
    return generated === undefined
      ? { status: 'intact', owner }
      : { status: 'generated', owner, reason: generated }
  }
  const { owner, digest, size, configuration } = last
  return {
    status: 'modified',
    owner,
    issue: {
      rule: 'file-modified',
      path,
      owner,
      message: `${configuration ? 'the configuration file' : 'it'} differs from what ${owner} brings`,
      ...(digest === undefined ? {} : { expected: `${digest.algorithm}:${digest.value}` }),
      actual: `sha256:${inode.sha256}`,
      evidence: size === undefined || size === inode.size ? [] : [`${inode.size} bytes, expected ${size}`],
    },
  }
}

/** A digest of a kind that was not taken when the image was read tells nothing, and so matches nothing. */
function sameContent(inode: Inode, digest: ExpectedFile['digest'], oneOf: ExpectedFile['oneOf']): boolean {
  if (oneOf !== undefined) return oneOf.has(inode.sha256)
  if (digest === undefined) return true
  return digest.value === (digest.algorithm === 'git-blob' ? inode.gitBlob : inode[digest.algorithm])
}

const BYTE_CODE_REASON = 'byte code of a source that is there, with its hash in it'

function judgeByteCode(
  path: string,
  inode: Inode,
  { source, tag }: { source: string; tag: string },
  { expected, image, check, sourceHashes }: JudgeContext,
): Judgement {
  const owners = expected.at(source)
  const present = image.tree.findLink(source)?.inode
  const sha256 = lockedSource(owners, present) ?? present?.sha256
  const owner = owners.at(-1)?.owner
  const hash = sha256 === undefined ? undefined : sourceHashes.get(sha256)
  const problem =
    sha256 === undefined
      ? 'it has no source'
      : inode.head === undefined
        ? 'it is empty'
        : (byteCodeProblem(inode.head, tag, hash, present) ??
          (check !== undefined && isForeign(inode, check.lock)
            ? 'it comes from a layer that is not of the locked image'
            : undefined))
  const whose = owner === undefined ? {} : { owner }
  if (problem === undefined) return { status: 'generated', ...whose, reason: BYTE_CODE_REASON }
  const message = `the byte code is not that of its source: ${problem}`
  return { status: 'modified', ...whose, issue: { rule: 'byte-code', path, ...whose, message } }
}

/** The sha256 that its owners say of a source. */
function lockedSource(owners: readonly ExpectedFile[], present: Inode | undefined): string | undefined {
  if (owners.some(({ oneOf }) => oneOf?.has(present?.sha256 ?? ''))) return present?.sha256
  return owners.find(({ digest }) => digest?.algorithm === 'sha256')?.digest?.value
}

/**
 * Whether a file comes from a base that was an image: the locked image's lowest layer, which the build made of layers
 * with locked digests.
 */
export function isOfImageBase(inode: Inode, lock: LockSubject | undefined): boolean {
  return lock?.locked.base.kind === 'image' && inode.layer === 0 && isLocked(inode, lock)
}

/** Whether a file comes from a layer on top of the locked image's. */
export function isForeign({ layer }: Inode, { layers, locked }: LockSubject): boolean {
  const isOnTop = layers > 0 && layers === locked.image?.diffIDs.length
  return isOnTop && layer !== undefined && layer >= layers
}

/** Whether a file comes from a layer of the locked image. */
export function isLocked({ layer }: Inode, { layers }: LockSubject): boolean {
  return layer !== undefined && layer < layers
}

function judgeGenerated(path: string, inode: Inode, { check: context, stepLayers }: JudgeContext): Judgement {
  if (context === undefined) return { status: 'unexplained' }
  const { lock } = context
  const rule = GENERATED.find(({ match }) => match.test(path))
  if (rule !== undefined) {
    const { reason, check, harmless, rule: id = 'file-modified' } = rule
    const text = inode.content?.toString('latin1')
    const isOverImage = lock.locked.base.kind === 'image' && isLocked(inode, lock)
    const problem = isOverImage
      ? undefined
      : check !== undefined
        ? check({ path, inode, text }, context)
        : !harmless && isForeign(inode, lock)
          ? 'it comes from a layer that is not of the locked image'
          : undefined
    if (problem === undefined) return { status: 'generated', reason }
    const message = `it is not as it is made (${reason}): ${problem}`
    return { status: 'modified', reason, issue: { rule: id, path, message } }
  }
  const step = inode.layer === undefined ? undefined : stepLayers.get(inode.layer)
  if (step !== undefined && isLocked(inode, lock))
    return { status: 'generated', owner: step, reason: `made by the recipe's ${step}` }
  const message = 'no package and no step of the recipe has this file'
  return {
    status: 'unexplained',
    ...(isLocked(inode, lock) ? {} : { issue: { rule: 'file-unexplained', path, message } }),
  }
}
