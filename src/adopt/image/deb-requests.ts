import { parseControl } from '../../formats/deb/deb822.ts'
import { appliesTo, parseDepends } from '../../formats/deb/debian-depends.ts'
import type { FileTree } from '../../image/file-tree.ts'

/** A package as dpkg and apt have it installed. */
export interface InstalledDeb {
  name: string
  version: string
  /** `net`, or with the archive's area in front: `non-free/libs`. */
  section: string
  essential: boolean
  /** Whether apt brought it for another package; undefined when apt noted nothing of any package. */
  automatic: boolean | undefined
  /** Groups of alternatives by name, of Depends and Pre-Depends. */
  depends: string[][]
  provides: string[]
}

export interface DebRequests {
  /** What somebody asked for, as far as the image tells. */
  asked: InstalledDeb[]
  /** What none of these depends on: it came because another recommends it, or its own need is gone. */
  besides: InstalledDeb[]
}

const ARCHITECTURE = 'amd64'
const FIELDS = new Set([
  'package',
  'status',
  'version',
  'architecture',
  'section',
  'essential',
  'depends',
  'pre-depends',
  'provides',
])

/** Packages that dpkg has installed, with apt's marks of what was automatic. */
export function readInstalledDebs(tree: FileTree): InstalledDeb[] {
  const marks = readMarks(tree.read('var/lib/apt/extended_states'))
  const status = tree.read('var/lib/dpkg/status')
  const debs: InstalledDeb[] = []
  for (const stanza of parseControl(status ?? '', { fields: FIELDS, dialect: 'dpkg' })) {
    const name = stanza.get('package') ?? ''
    // of a second architecture only the files can be had
    if (![ARCHITECTURE, 'all'].includes(stanza.get('architecture') ?? 'all')) continue
    if (name === '' || stanza.get('status')?.split(/\s+/)[2] !== 'installed') continue
    const names = (field: string) => alternatives(stanza.get(field) ?? '')
    debs.push({
      name,
      version: stanza.get('version') ?? '',
      section: stanza.get('section') ?? '',
      essential: stanza.get('essential') === 'yes',
      automatic: marks === undefined ? undefined : marks.has(name),
      depends: [...names('depends'), ...names('pre-depends')],
      provides: names('provides').flat(),
    })
  }
  return debs.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Names that apt marked as automatic; undefined when it has no marks at all. */
function readMarks(content: Buffer | undefined): Set<string> | undefined {
  const marks = new Set<string>()
  for (const stanza of parseControl(content ?? ''))
    if (stanza.get('auto-installed') === '1') marks.add(stanza.get('package') ?? '')
  return marks.size === 0 ? undefined : marks
}

function alternatives(field: string): string[][] {
  if (field === '') return []
  try {
    return parseDepends(field)
      .map((group) => group.filter((each) => appliesTo(each, ARCHITECTURE)).map(({ name }) => name))
      .filter((group) => group.length > 0)
  } catch {
    // written by somebody else than Debian: what cannot be read is no dependency
    return []
  }
}

/**
 * What a recipe must ask apt for to get the packages of an image: those marked as asked for, or, where apt's marks are
 * gone, those that no other needs; and what none of them brings.
 *
 * @param inBase names of packages that the base brings by itself; without them, the essential packages, apt, and all they need
 */
export function debRequests(installed: readonly InstalledDeb[], inBase?: ReadonlySet<string>): DebRequests {
  const needs = needsOf(installed)
  const base =
    inBase ??
    closure(
      installed.filter(({ name, essential }) => essential || name === 'apt').map(({ name }) => name),
      needs,
    )
  const candidates = installed.filter(({ name }) => !base.has(name))
  const hasMarks = candidates.some(({ automatic }) => automatic !== undefined)
  const wanted = hasMarks
    ? new Set(candidates.filter(({ automatic }) => automatic !== true).map(({ name }) => name))
    : unneeded(
        candidates.map(({ name }) => name),
        needs,
      )
  const brought = closure([...wanted], needs)
  const left = candidates.map(({ name }) => name).filter((name) => !brought.has(name))
  const besides = unneeded(left, needs)
  return {
    asked: candidates.filter(({ name }) => wanted.has(name)),
    besides: candidates.filter(({ name }) => besides.has(name)),
  }
}

/** Which installed packages each needs: of each group of alternatives the first that is there, by name or provided. */
function needsOf(installed: readonly InstalledDeb[]): Map<string, string[]> {
  const names = new Set(installed.map(({ name }) => name))
  const providers = new Map<string, string>()
  for (const { name, provides } of installed)
    for (const virtual of provides) if (!providers.has(virtual)) providers.set(virtual, name)
  return new Map(
    installed.map(({ name, depends }) => [
      name,
      depends.flatMap((group) => {
        const own = group.find((each) => names.has(each))
        const provider = group.map((each) => providers.get(each)).find((each) => each !== undefined)
        return own ?? provider ?? []
      }),
    ]),
  )
}

function closure(roots: readonly string[], needs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>()
  const open = [...roots]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue
    found.add(name)
    open.push(...(needs.get(name) ?? []))
  }
  return found
}

/**
 * Of these names the fewest that bring them all: those that no other needs, and one of each circle that none outside of it
 * needs.
 */
function unneeded(names: readonly string[], needs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const among = new Set(names)
  const needed = new Set<string>()
  for (const name of names) for (const each of needs.get(name) ?? []) if (each !== name) needed.add(each)
  const chosen = new Set(names.filter((name) => !needed.has(name)))
  const brought = closure([...chosen], needs)
  for (const name of [...among].sort()) {
    if (brought.has(name)) continue
    // all that is left is in a circle, or needed by one
    const own = closure([name], needs)
    const isLast = names.every(
      (other) => brought.has(other) || own.has(other) || !closure([other], needs).has(name),
    )
    if (!isLast) continue
    chosen.add(name)
    for (const each of own) brought.add(each)
  }
  return chosen
}
