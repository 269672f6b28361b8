import type { NamedCause } from './cause.ts'
import type { FileDifference } from './difference.ts'
import { textCauses } from './explain-text.ts'
import { distinctCauses, type Explanation } from './explanation.ts'
import { pathCause } from './path-causes.ts'

/** A package that a file belongs to in both images. */
export interface FileOwner {
  /** `deb/libc6`. */
  name: string
  /** Its version in each image. */
  a: string
  b: string
  /** Whether the file is, in each image, what the package manager noted of it. */
  intact: boolean
}

/** What is known of a file beside its difference. */
export interface FileContext {
  /** Of a changed regular file whose contents were read. */
  explanation?: Explanation
  /** Why its name varies, when it stands for one of the other image. */
  name?: NamedCause
  owner?: FileOwner
}

/** Why a file differs, the surest cause first; never empty. */
export function fileCauses(file: FileDifference, context: FileContext): NamedCause[] {
  const causes = file.change === 'changed' ? changeCauses(file, context) : presenceCauses(file, context)
  if (causes.length > 0) return distinctCauses(causes)
  return [{ cause: 'unknown', evidence: unknownEvidence(file, context) }]
}

function presenceCauses({ path }: FileDifference, { name, owner }: FileContext): NamedCause[] {
  const byPath = pathCause(path)
  return [...ownerCauses(owner), ...(byPath ? [byPath] : []), ...(name ? [name] : [])]
}

function changeCauses(file: FileDifference, { explanation, owner }: FileContext): NamedCause[] {
  const { path, fields, a, b } = file
  const causes: NamedCause[] = []
  if (fields.includes('content') || fields.includes('type')) {
    const byPath = pathCause(path)
    causes.push(...ownerCauses(owner), ...versionCauses(explanation))
    const inside = explanation?.causes ?? []
    // what was seen inside says more than the path
    if (byPath) causes.push(inside.find(({ cause }) => cause === byPath.cause) ?? byPath)
    causes.push(...inside)
  }
  if (fields.includes('target')) causes.push(...textCauses(a?.target ?? '', b?.target ?? ''))
  if (fields.includes('hardlinks'))
    causes.push({ cause: 'hard-links', evidence: 'it shares its content with other names in each image' })
  const attributes = fields.filter((field) => ['mode', 'uid', 'gid', 'xattrs', 'device'].includes(field))
  if (attributes.length > 0)
    causes.push({ cause: 'permissions', evidence: `${attributes.join(', ')}: ${valuesOf(file)}` })
  if (fields.includes('mtime') && causes.length === 0 && !fields.includes('content'))
    causes.push({ cause: 'timestamp', evidence: `its time is ${time(a?.mtime)} and ${time(b?.mtime)}` })
  return causes
}

function ownerCauses(owner: FileOwner | undefined): NamedCause[] {
  if (owner === undefined) return []
  if (owner.a !== owner.b)
    return [{ cause: 'other-version', evidence: `it belongs to ${owner.name}: ${owner.a} and ${owner.b}` }]
  if (!owner.intact) return []
  const evidence = `both images have it as ${owner.name} ${owner.a} gave it`
  return [{ cause: 'other-upstream', evidence }]
}

/** A package's own metadata that tells another version. */
function versionCauses(explanation: Explanation | undefined): NamedCause[] {
  if (explanation?.detail.kind !== 'text') return []
  const versions = explanation.detail.patch.filter((line) => /^[-+]Version: /.test(line))
  if (versions.length < 2) return []
  return [
    {
      cause: 'other-version',
      evidence: `it says ${versions
        .slice(0, 2)
        .map((line) => `"${line}"`)
        .join(' and ')}`,
    },
  ]
}

function valuesOf({ a, b }: FileDifference): string {
  const value = (facts: typeof a) =>
    facts === undefined
      ? ''
      : `${facts.mode} ${facts.uid}:${facts.gid}${facts.xattrs ? ' with attributes' : ''}`
  return `${value(a)} and ${value(b)}`
}

function time(seconds: number | undefined): string {
  if (seconds === undefined) return 'none'
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace('.000', '')
}

function unknownEvidence({ change, path }: FileDifference, { explanation }: FileContext): string {
  if (change === 'added') return `only the second image has "${path}"`
  if (change === 'removed') return `only the first image has "${path}"`
  if (explanation?.detail.kind === 'unread') return explanation.detail.reason
  return 'no rule knows what differs'
}
