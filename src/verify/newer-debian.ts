import { type Dependency, parseDepends } from '../formats/deb/debian-depends.ts'
import { meetsDependency } from '../formats/deb/meets-dependency.ts'
import { compareDebian } from '../formats/versions/compare-debian.ts'
import type { DebianPackage } from '../lock/schema.ts'
import type { AptRequest } from '../recipe/apt-request.ts'
import type { BinaryPackage, PackageVersions } from '../resolve/debian/read-packages.ts'
import type { ExcludedVersion, NewerVersions } from './forecast.ts'

export interface NewerDebianOptions {
  /** What the present indexes have. */
  packages: PackageVersions
  /** What the recipe's apt steps ask for. */
  requests: readonly AptRequest[]
  /** Of which indexes apt takes only what is asked for by the suite's name (`NotAutomatic`): backports. */
  isNotAutomatic: (index: Pick<BinaryPackage, 'archive' | 'suite'>) => boolean
}

interface Held {
  entry: BinaryPackage
  reason: string
}

/**
 * Packages of a lock that the present indexes have a newer version of, which apt would take: none that the recipe pins, none of
 * a suite that it does not name, and none that would part what must go together with those.
 */
export function newerDebian(
  locked: readonly DebianPackage[],
  { packages, requests, isNotAutomatic }: NewerDebianOptions,
): NewerVersions {
  const asked = new Map(requests.map((request) => [request.name, request]))
  const candidates = locked.map((own) => {
    const { version, suite } = asked.get(own.name) ?? {}
    const entries = (packages.get(own.name) ?? []).filter(
      (entry) => compareDebian(entry.version, own.version) > 0,
    )
    const fitting = entries.filter(
      (entry) =>
        version === undefined && (suite === undefined ? !isNotAutomatic(entry) : entry.suite === suite),
    )
    const pin = version === undefined ? `/${suite}` : `=${version}`
    return { own, entries, fitting, reason: `the recipe says ${own.name}${pin}` }
  })
  // each package that stays holds others, until no more are held
  const held = new Map<string, Held>()
  const refused = new Map<BinaryPackage, string>()
  for (let count = -1; count !== held.size + refused.size; ) {
    count = held.size + refused.size
    for (const candidate of candidates) {
      const { own, reason } = candidate
      candidate.fitting = candidate.fitting.filter((entry) => {
        const conflict = conflictOf(entry, held)
        if (conflict !== undefined) refused.set(entry, conflict)
        return conflict === undefined
      })
      if (candidate.fitting.length > 0 || held.has(own.name)) continue
      const entry = packages.get(own.name)?.find(({ version }) => version === own.version)
      const [newer] = candidate.entries
      if (entry !== undefined)
        held.set(own.name, {
          entry,
          reason: (newer && refused.get(newer)) ?? (newer && reason) ?? `${own.name} stays`,
        })
    }
  }
  const result = { newer: [] as NewerVersions['newer'], excluded: [] as ExcludedVersion[] }
  for (const { own, entries, fitting, reason } of candidates) {
    const subject = `deb/${own.name}`
    const best = newestOf(fitting)
    if (best !== undefined) {
      const security = best.archive === 'debian-security'
      result.newer.push({ subject, locked: own.version, newest: best.version, security })
    }
    const isSuited = (entry: BinaryPackage) =>
      !isNotAutomatic(entry) || asked.get(own.name)?.suite !== undefined
    const newest = newestOf(entries.filter(isSuited))
    if (newest !== undefined && compareDebian(newest.version, best?.version ?? own.version) > 0)
      result.excluded.push({
        subject,
        locked: own.version,
        newest: newest.version,
        reason: refused.get(newest) ?? reason,
      })
  }
  return result
}

function newestOf(entries: readonly BinaryPackage[]): BinaryPackage | undefined {
  return [...entries].sort((a, b) => compareDebian(a.version, b.version)).at(-1)
}

/** Why a version cannot be installed beside those that are held: one needs another version of the other. */
function conflictOf(entry: BinaryPackage, held: ReadonlyMap<string, Held>): string | undefined {
  for (const { entry: other } of held.values()) {
    const broken = onlyChoices(other).find(({ name }) => name === entry.name)
    if (broken !== undefined && !meetsDependency(entry.version, broken, 'amd64'))
      return `${other.name} ${other.version} needs ${written(broken)}`
  }
  const wanted = onlyChoices(entry).find((dependency) => {
    const other = held.get(dependency.name)?.entry
    return other !== undefined && !meetsDependency(other.version, dependency, 'amd64')
  })
  return wanted && `it needs ${written(wanted)}, and ${held.get(wanted.name)?.reason}`
}

const choices = new WeakMap<BinaryPackage, Dependency[]>()

/** Dependencies on a version that one package alone can meet. */
function onlyChoices(entry: BinaryPackage): Dependency[] {
  const known = choices.get(entry) ?? readChoices(entry)
  choices.set(entry, known)
  return known
}

function readChoices({ preDepends, depends }: BinaryPackage): Dependency[] {
  try {
    return [...parseDepends(preDepends), ...parseDepends(depends)].flatMap((group) =>
      group.length === 1 && group[0]?.version !== undefined ? group : [],
    )
  } catch {
    // what apt itself could not read holds nothing
    return []
  }
}

const written = ({ name, version }: Dependency) => `${name} (${version?.operator} ${version?.version})`
