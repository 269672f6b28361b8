import { parseRequirement } from '../../formats/python/requirement.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { InstalledPackage } from '../../inventory/inventory.ts'

/** What was installed by pip and its like into one directory of Python packages. */
export interface PythonEnvironment {
  /** The directory, below the root. */
  path: string
  /** What somebody asked for, pinned: `cowsay==6.1`, or with the address of its file. */
  asked: string[]
  /** What came for these, pinned. */
  brought: string[]
  /** Installed from a directory, a repository, or in a way that leaves no name and version to ask an index for. */
  apart: InstalledPackage[]
}

/** What every virtual environment begins with. */
const SEEDS = new Set(['pip', 'setuptools', 'wheel'])

/**
 * Python packages that are not a system package's, by environment: pip notes which of them were asked for (the file REQUESTED of
 * "Recording installed projects"); where an installer notes nothing, they are those that no other requires.
 *
 * @param isOwned whether a path is a system package's
 */
export function pythonRequests(
  tree: FileTree,
  packages: readonly InstalledPackage[],
  isOwned: (path: string) => boolean,
): PythonEnvironment[] {
  const byPath = new Map<string, InstalledPackage[]>()
  for (const each of packages) {
    if (each.kind !== 'pypi' || each.environment === undefined || isOwned(each.record)) continue
    const known = byPath.get(each.environment)
    if (known === undefined) byPath.set(each.environment, [each])
    else known.push(each)
  }
  return [...byPath].map(([path, found]) => environmentOf(tree, path, found))
}

function environmentOf(tree: FileTree, path: string, found: readonly InstalledPackage[]): PythonEnvironment {
  const named = found.filter((each) => requirementOf(each) !== undefined)
  const isMarked = (each: InstalledPackage) =>
    tree.findLink(each.record.replace(/[^/]*$/, 'REQUESTED')) !== undefined
  const hasMarks = found.some(isMarked)
  const required = new Set(
    found.flatMap((each) => requiredBy(tree, each).filter((name) => name !== each.name)),
  )
  // an address is asked for as it is: no constraint has one
  const isAsked = (each: InstalledPackage) =>
    each.origin !== undefined ||
    (hasMarks ? isMarked(each) : !required.has(each.name) && !SEEDS.has(each.name))
  const pins = (some: readonly InstalledPackage[]) => some.map((each) => requirementOf(each) ?? '').sort()
  return {
    path,
    asked: pins(named.filter(isAsked)),
    brought: pins(named.filter((each) => !isAsked(each))),
    apart: found.filter((each) => !named.includes(each)),
  }
}

/** As an index is asked for it; undefined when it came from elsewhere. */
function requirementOf({ name, version, origin, record }: InstalledPackage): string | undefined {
  if (!record.endsWith('.dist-info/METADATA')) return undefined
  const from = origin === undefined ? `==${version}` : ` @ ${origin.url}`
  const requirement = `${name}${from}`
  const isFile = origin === undefined || (origin.commit === undefined && /^https?:\/\/\S+$/.test(origin.url))
  return isFile && parseRequirement(requirement) !== undefined ? requirement : undefined
}

/** Names that a package's metadata requires, extras and all: what is needed for an extra is not asked for by itself either. */
function requiredBy(tree: FileTree, { record }: InstalledPackage): string[] {
  const text = tree.read(record)?.toString('latin1') ?? ''
  // the description may be long, and holds no field
  const head = text.slice(0, text.search(/\n\r?\n/) + 1 || undefined)
  const lines = head.split('\n').flatMap((line) => /^requires-dist:(.*)$/i.exec(line)?.[1]?.trim() ?? [])
  return lines.flatMap((line) => parseRequirement(line)?.name ?? [])
}
