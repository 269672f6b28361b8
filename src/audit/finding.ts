import { escapeBytes } from '../image/tree-digest.ts'
import type { InstalledPackage } from '../inventory/inventory.ts'
import { RULES, type RuleId, type Severity } from './rules.ts'

/** One difference between what should be in an image and what is. */
export interface Finding {
  /** Id of the rule, such as `file-modified`; each has a section of its own in docs/rules.md. */
  rule: string
  severity: Severity
  /** One sentence, without a period at its end. */
  message: string
  /** What it is about: a path with a slash in front, or `deb/libc6`, `pypi/numpy`, `config/Env`, `image/id`. */
  subject: string
  expected?: string
  actual?: string
  /** Further facts, one line each: the package that owns a file, the layer it came from. */
  evidence?: string[]
}

/** A finding that the policy of stillroom.config.ts ignores. */
export interface IgnoredFinding extends Finding {
  reason: string
  /** Last day it is ignored, ISO 8601. */
  until?: string
}

/** What is wrong with one path, before packages are looked at. */
export interface Issue {
  rule: RuleId
  path: string
  message: string
  owner?: string
  expected?: string
  actual?: string
  evidence?: string[]
  /** Whether it is amiss also where a step of the locked image made it so. */
  isSealed?: boolean
}

/** A path as findings show it: with a slash in front, bytes that are not printable ASCII as `%XX`. */
export function showPath(path: string): string {
  return `/${escapeBytes(path)}`
}

/** Rules that say nothing more about a file when a finding on its package was reported. */
const COVERED = new Set<RuleId>([
  'file-modified',
  'file-missing',
  'file-unexplained',
  'file-mode',
  'byte-code',
])

/** What is wrong with the packages of an image, as far as files are concerned. */
export interface StrayPackages {
  /** Packages that are not as the lock has them: their files are not reported one by one. */
  strays: readonly InstalledPackage[]
  /** Owners whose files may be missing. */
  absent: ReadonlySet<string>
}

/** Turns issues with files into findings, without those that a finding on a package covers. */
export function findingsOf(issues: readonly Issue[], { strays, absent }: StrayPackages): Finding[] {
  const isStray = strayPaths(strays)
  const isCovered = ({ rule, path, owner }: Issue) => {
    const isAbsent = owner !== undefined && absent.has(owner)
    if (rule === 'file-missing') return isAbsent
    return COVERED.has(rule) && isStray(path) && (owner === undefined || isAbsent)
  }
  return issues.filter((issue) => !isCovered(issue)).map(toFinding)
}

/** Tells the paths of packages, with what package managers note of them. */
export function strayPaths(packages: readonly InstalledPackage[]): (path: string) => boolean {
  const listed = new Set(packages.flatMap(({ files, record }) => [record, ...files.map(({ path }) => path)]))
  const roots = packages.flatMap(({ kind, name }) => (kind === 'git' ? [`${name.replace(/^\//, '')}/`] : []))
  const debs = packages.flatMap(({ kind, name }) => (kind === 'deb' ? [`var/lib/dpkg/info/${name}`] : []))
  return (path) =>
    listed.has(path) ||
    roots.some((root) => path.startsWith(root)) ||
    debs.some((prefix) => path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}:`))
}

export function toFinding({ rule, path, message, owner, expected, actual, evidence = [] }: Issue): Finding {
  const lines = [...(owner === undefined ? [] : [`owner: ${owner}`]), ...evidence]
  return {
    rule,
    severity: RULES[rule].severity,
    subject: showPath(path),
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    ...(lines.length === 0 ? {} : { evidence: lines }),
  }
}
