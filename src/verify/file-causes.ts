import type { FileDifference } from '../image/compare-trees.ts'
import type { CauseId, NamedCause } from './cause.ts'
import { textCauses } from './explain-text.ts'
import { distinctCauses, type Explanation } from './explained-difference.ts'

/** A package that a file belongs to, in the images that have the file. */
export interface FileOwner {
  /** `deb/libc6`. */
  name: string
  /** Its version in each image; undefined where it is not installed. */
  a: string | undefined
  b: string | undefined
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
  /** Where it comes from, when only one image has it: a layer, with the command that made it. */
  origin?: string
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
  if (owner.a === undefined || owner.b === undefined) {
    const which = owner.a === undefined ? 'second' : 'first'
    const evidence = `it belongs to ${owner.name} ${owner.a ?? owner.b}, which only the ${which} image has`
    return [{ cause: 'package', evidence }]
  }
  if (owner.a !== owner.b)
    return [{ cause: 'other-version', evidence: `it belongs to ${owner.name}: ${owner.a} and ${owner.b}` }]
  if (!owner.intact) return []
  const evidence = `both images have it as ${owner.name} ${owner.a} gave it`
  return [{ cause: 'other-upstream', evidence }]
}

/** A package's own metadata that says another version. */
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

function unknownEvidence(
  { change, path }: FileDifference,
  { explanation, owner, origin }: FileContext,
): string {
  if (change !== 'changed') {
    const which = change === 'added' ? 'second' : 'first'
    const whose = owner === undefined ? '' : `, though both have ${owner.name} ${owner.a}`
    return `only the ${which} image has "${path}"${whose}${origin === undefined ? '' : ` (${origin})`}`
  }
  if (explanation?.detail.kind === 'unread') return explanation.detail.reason
  return 'no rule knows what differs'
}

/** What a file is by its path alone: the first rule that matches counts. */
const PATH_RULES: readonly { cause: CauseId; pattern: RegExp; evidence: string }[] = [
  {
    cause: 'machine-identity',
    pattern:
      /^\/etc\/(machine-id|hostid|hostname|adjtime|ssh\/ssh_host_.*)$|^\/var\/lib\/(dbus\/machine-id|systemd\/random-seed|systemd\/credential\.secret)$|\/ssl-cert-snakeoil\.|(^|\/)(machine-?id|boot_id|hostid)$/,
    evidence: 'programs make this file again for each machine',
  },
  {
    cause: 'account-file',
    pattern:
      /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$|^\/etc\/\.pwd\.lock$|^\/var\/log\/(lastlog|faillog|btmp|wtmp|utmp)$/,
    evidence: 'it lists user accounts, their passwords, or when they were used',
  },
  {
    cause: 'byte-code',
    pattern: /\.py[co]$|\/__pycache__(\/|$)|\.elc$/,
    evidence: 'it is compiled from a source beside it',
  },
  {
    cause: 'log',
    pattern: /^\/var\/log(\/|$)|\.log(\.\d+)?(\.gz)?$|(^|\/)nohup\.out$/,
    evidence: 'it is a log by its path',
  },
  {
    cause: 'package-manager-state',
    pattern:
      /^\/var\/lib\/(dpkg|apt|rpm|pacman|yum|dnf|apt-xapian-index|aptitude|ucf)(\/|$)|^\/lib\/apk\/db\/|\.(dist|egg)-info\/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$|\/conda-meta\/|\/node_modules\/\.(package-lock\.json|yarn-integrity|modules\.yaml)$|^\/etc\/apt\/sources\.list/,
    evidence: 'a package manager keeps its state here',
  },
  {
    cause: 'cache',
    pattern:
      /^\/var\/cache(\/|$)|\/\.(cache|ccache|npm|cargo\/registry|gradle\/caches)(\/|$)|\/_cacache(\/|$)|^\/etc\/ld\.so\.cache$|\/(icon-theme|mime|gschemas|giomodule|loaders|immodules)\.(cache|compiled)$|\.cache$|\/cache\//,
    evidence: 'it is a cache by its path',
  },
  {
    cause: 'temporary-file',
    pattern:
      /^\/(var\/)?tmp\/|^\/(var\/)?run\/|(^|\/)(tmp\.[A-Za-z0-9]{6,}|tmp[a-z0-9_]{8}|\.#.*|.*\.(swp|tmp|bak)|.*~|ompi\..*)(\/|$)/,
    evidence: 'it is a temporary file by its path',
  },
]

/** Why the content of the file at a path, or whether it is there, differs between builds, as far as its path says. */
function pathCause(path: string): NamedCause | undefined {
  const rule = PATH_RULES.find(({ pattern }) => pattern.test(path))
  return rule && { cause: rule.cause, evidence: rule.evidence }
}
