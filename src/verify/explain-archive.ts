import type { ArchiveMember } from './archive-members.ts'
import type { NamedCause } from './cause.ts'
import {
  type ArchiveDetail,
  distinctCauses,
  type ExplainInner,
  type Explanation,
  type MemberDifference,
} from './explained-difference.ts'
import { printable } from './printable.ts'

/** Members that a report shows. */
const MEMBERS_SHOWN = 50
const METADATA = ['mtime', 'mode', 'uid', 'gid', 'target'] as const

/** Explains what differs between two archives, by their members. */
export async function explainArchive(
  format: ArchiveDetail['format'],
  a: readonly ArchiveMember[],
  b: readonly ArchiveMember[],
  explainInner: ExplainInner,
): Promise<Explanation> {
  const right = new Map(b.map((member) => [member.name, member]))
  const left = new Map(a.map((member) => [member.name, member]))
  const members: MemberDifference[] = []
  const causes: NamedCause[] = []
  for (const [name, member] of left) {
    const other = right.get(name)
    if (other === undefined) {
      members.push({ name: printable(name), change: 'removed', fields: [] })
      continue
    }
    const compared = await compareMembers(member, other, explainInner)
    if (compared === undefined) continue
    members.push(compared.difference)
    causes.push(...compared.causes)
  }
  for (const name of right.keys())
    if (!left.has(name)) members.push({ name: printable(name), change: 'added', fields: [] })
  const reordered = !sameOrder([...left.keys()], [...right.keys()])
  const metadata = metadataCause(members, reordered)
  return {
    detail: { kind: 'archive', format, members: members.slice(0, MEMBERS_SHOWN), reordered },
    causes: distinctCauses([...(metadata === undefined ? [] : [metadata]), ...causes]),
  }
}

async function compareMembers(
  a: ArchiveMember,
  b: ArchiveMember,
  explainInner: ExplainInner,
): Promise<{ difference: MemberDifference; causes: NamedCause[] } | undefined> {
  const fields: string[] = METADATA.filter((field) => a[field] !== b[field])
  const name = printable(a.name)
  if (a.content.equals(b.content)) {
    return fields.length === 0 ? undefined : { difference: { name, change: 'changed', fields }, causes: [] }
  }
  const { detail, causes } = await explainInner(a.name, a.content, b.content)
  return { difference: { name, change: 'changed', fields: ['content', ...fields], detail }, causes }
}

function metadataCause(members: readonly MemberDifference[], reordered: boolean): NamedCause | undefined {
  const fields = new Set(members.flatMap((member) => member.fields).filter((field) => field !== 'content'))
  if (fields.size > 0)
    return { cause: 'archive-metadata', evidence: `members differ in ${[...fields].join(', ')}` }
  if (reordered) return { cause: 'archive-metadata', evidence: 'the members stand in another order' }
  return undefined
}

function sameOrder(a: readonly string[], b: readonly string[]): boolean {
  const inA = new Set(a)
  const inB = new Set(b)
  return a.filter((name) => inB.has(name)).join('\0') === b.filter((name) => inA.has(name)).join('\0')
}
