import type { PackageComparison } from './compare-packages.ts'
import { showPath } from './expected-files.ts'
import type { Finding } from './finding.ts'
import type { Issue } from './judge-file.ts'
import { RULES } from './rules.ts'

/** Rules of which a finding on a package says enough. */
const COVERED = new Set<string>([
  'file-modified',
  'file-missing',
  'file-unexplained',
  'file-mode',
  'byte-code',
])

/**
 * What is wrong with files as findings, but for what a finding on a package tells already: the files of a package that
 * is too much or of another version, and what is missing of one that is not there.
 */
export function findingsOf(issues: readonly Issue[], { strays, absent }: PackageComparison): Finding[] {
  const listed = new Set(strays.flatMap(({ files, record }) => [record, ...files.map(({ path }) => path)]))
  const roots = strays.flatMap(({ kind, name }) => (kind === 'git' ? [`${name.replace(/^\//, '')}/`] : []))
  const debs = strays.flatMap(({ kind, name }) => (kind === 'deb' ? [`var/lib/dpkg/info/${name}`] : []))
  const isListed = (path: string) =>
    listed.has(path) ||
    roots.some((root) => path.startsWith(root)) ||
    debs.some((prefix) => path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}:`))
  const isCovered = ({ rule, path, owner }: Issue) => {
    const isAbsent = owner !== undefined && absent.has(owner)
    if (rule === 'file-missing') return isAbsent
    return COVERED.has(rule) && isListed(path) && (owner === undefined || isAbsent)
  }
  return issues.filter((issue) => !isCovered(issue)).map(toFinding)
}

function toFinding({ rule, path, message, owner, expected, actual, evidence = [] }: Issue): Finding {
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
