import {
  compareTrees,
  type FileDifference,
  type FileFacts,
  type FileField,
} from '../../image/compare-trees.ts'
import { unescapeBytes } from '../../image/tree-digest.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import type { Finding, Issue } from '../finding.ts'
import { RULES, type RuleId } from '../rules.ts'
import { redact } from '../secrets.ts'

/** What the rules know of a path, without a slash in front. */
export interface PathKnowledge {
  issueAt(path: string): Issue | undefined
  /** Whose it is: `deb/libc6`. */
  ownerOf(path: string): string | undefined
  /** Packages that are not as locked and have the path: one line each. */
  notesOf(path: string): string[]
}

/**
 * Every path at which an image differs from the locked tree, in anything: one finding each, which says what differs.
 * A directory of which nothing but the time differs, since something in it does, is a note; all others are errors.
 */
export function compareTree(locked: TreeNode, image: TreeNode, knowledge: PathKnowledge): Finding[] {
  const differences = compareTrees(locked, image)
  const touched = new Map<string, string>()
  for (const { path, fields } of differences) {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    if (fields.join() !== 'mtime' && !touched.has(parent)) touched.set(parent, path)
  }
  return differences.map((difference) => findingOf(difference, touched.get(difference.path), knowledge))
}

function findingOf(
  difference: FileDifference,
  touched: string | undefined,
  { issueAt, ownerOf, notesOf }: PathKnowledge,
): Finding {
  const { path, change, fields, a, b } = difference
  const raw = unescapeBytes(path.slice(1))
  const follows = touched !== undefined && a?.type === 'directory' && fields.join() === 'mtime'
  const issue = specialIssue(difference, issueAt(raw))
  const rule = issue?.rule ?? ruleOf(difference)
  const owner = ownerOf(raw) ?? issue?.owner
  const evidence = [
    ...(owner === undefined ? [] : [`owner: ${owner}`]),
    ...(follows ? [`it changes when something in it does: ${touched}`] : []),
    ...(issue === undefined ? [] : [describeChange(difference)]),
    ...notesOf(raw),
  ]
  const expected = a && describe(a, change === 'removed' ? whatItIs(a) : fields, b)
  const actual = b && describe(b, change === 'added' ? whatItIs(b) : fields, a)
  return {
    rule,
    severity: follows ? 'note' : RULES[rule].severity,
    subject: path,
    message: issue?.message ?? describeChange(difference),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    ...(evidence.length === 0 ? {} : { evidence }),
  }
}

/** Rules that say more of a change than that it is one, by what must differ for that. */
const SPECIAL: Partial<Record<RuleId, readonly FileField[]>> = {
  credential: ['type', 'content'],
  account: ['content'],
  'byte-code': ['content'],
  setuid: ['type', 'mode', 'uid', 'gid', 'xattrs'],
  'world-writable': ['type', 'mode'],
}

function specialIssue({ change, fields }: FileDifference, issue: Issue | undefined): Issue | undefined {
  const wanted = issue && SPECIAL[issue.rule]
  if (wanted === undefined || change === 'removed') return undefined
  return change === 'added' || fields.some((field) => wanted.includes(field)) ? issue : undefined
}

function ruleOf({ change, fields, a, b }: FileDifference): RuleId {
  if (change === 'added') return 'file-unexplained'
  if (change === 'removed') return 'file-missing'
  const differs = (...names: FileField[]) => fields.some((field) => names.includes(field))
  if (differs('type', 'content', 'target', 'device')) return 'file-modified'
  if (gainsPrivilege(a as FileFacts, b as FileFacts)) return 'setuid'
  if (differs('mode', 'uid', 'gid', 'xattrs')) return 'file-mode'
  return differs('hardlinks') ? 'file-link' : 'file-time'
}

const SET_ID = 0o6000
const CAPABILITY = 'security.capability'

/** Whether a file has setuid, setgid or capabilities that the locked one has not, or has them for another owner. */
function gainsPrivilege(locked: FileFacts, image: FileFacts): boolean {
  if (image.type !== 'file') return false
  const bits = (facts: FileFacts) => Number.parseInt(facts.mode, 8) & SET_ID
  const gained = bits(image) & ~bits(locked)
  const capability = image.xattrs?.[CAPABILITY]
  const isOthers = locked.uid !== image.uid || locked.gid !== image.gid
  return (
    gained !== 0 ||
    (bits(image) !== 0 && isOthers) ||
    (capability !== undefined && capability !== locked.xattrs?.[CAPABILITY])
  )
}

const NAMES: Record<FileField, string> = {
  type: 'type',
  content: 'content',
  mode: 'mode',
  uid: 'owner',
  gid: 'group',
  mtime: 'time',
  target: 'target',
  device: 'device',
  hardlinks: 'hard links',
  xattrs: 'attributes',
}

function describeChange({ change, fields, a, b }: FileDifference): string {
  if (change === 'added') return `the locked image has no such ${b?.type}`
  if (change === 'removed') return `the ${a?.type} of the locked image is not there`
  const names = fields.map((field) => NAMES[field])
  const last = names.at(-1)
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last
  return `${list} ${names.length > 1 || list?.endsWith('s') ? 'differ' : 'differs'} from the locked image's`
}

/** What is said of a path that only one of the two has. */
function whatItIs({ type }: FileFacts): FileField[] {
  const content: Partial<Record<FileFacts['type'], FileField[]>> = {
    file: ['content'],
    symlink: ['target'],
    character: ['device'],
    block: ['device'],
  }
  return ['type', ...(content[type] ?? []), 'mode', 'uid', 'gid', 'hardlinks', 'xattrs']
}

/** Facts of one side in words: those that differ from the other's, or all that are named when there is none. */
function describe(facts: FileFacts, fields: readonly FileField[], other: FileFacts | undefined): string {
  return fields.flatMap((field) => describeField(field, facts, other)).join(', ')
}

function describeField(field: FileField, facts: FileFacts, other: FileFacts | undefined): string[] {
  const { type, sha256, size, mode, uid, gid, mtime, target, device, hardlinks, xattrs } = facts
  const optional = (value: string | undefined, text: string) => (value === undefined ? [] : [text])
  switch (field) {
    case 'type':
      return [type]
    case 'content':
      return optional(sha256, `sha256:${sha256}, ${size} bytes`)
    case 'mode':
      return [`mode ${mode}`]
    case 'uid':
      return [`uid ${uid}`]
    case 'gid':
      return [`gid ${gid}`]
    case 'mtime':
      return [`time ${showTime(mtime)}`]
    case 'target':
      return optional(target, `to ${redact(target ?? '')}`)
    case 'device':
      return optional(device, `device ${device}`)
    case 'hardlinks':
      if (hardlinks !== undefined) return [`the same file as ${hardlinks.join(', ')}`]
      return other === undefined ? [] : ['no other name']
    case 'xattrs':
      return describeAttributes(xattrs, other)
  }
}

function describeAttributes(xattrs: FileFacts['xattrs'], other: FileFacts | undefined): string[] {
  const differing = Object.entries(xattrs ?? {}).filter(([name, value]) => other?.xattrs?.[name] !== value)
  if (differing.length === 0) return other === undefined ? [] : ['no such attribute']
  return differing.map(
    ([name, value]) => `${name}=${value.length > 200 ? `${value.slice(0, 200)}...` : value}`,
  )
}

/** ISO 8601, or the number of seconds when that has no such time. */
function showTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace('.000', '')
}
