import { parseAptRequest } from '../../recipe/apt-request.ts'
import type { AptStep } from '../../recipe/schema.ts'
import type { DebianPackage, LockedApt } from '../schema.ts'
import { type Contradiction, type Surroundings, unequal } from './pin.ts'

/** Each package asked for is installed, in the version asked for: by the step, or before it. */
export function comparePackages(step: AptStep, pinned: LockedApt, around: Surroundings): Contradiction[] {
  const requests = step.packages.flatMap((request) => {
    const { name, version } = parseAptRequest(request)
    const locked = around.debian.get(name)
    const isMet = locked !== undefined && (version === undefined || version === locked)
    return isMet ? [] : [{ field: `packages["${name}"]`, locked, wanted: version ?? 'any version' }]
  })
  return [...requests, ...comparePaths('packages', pinned.packages, around)]
}

/** What is fetched as a package is that package by its file's name, from an archive of which there is an index. */
export function comparePaths(
  field: string,
  packages: readonly DebianPackage[],
  { archives }: Pick<Surroundings, 'archives'>,
): Contradiction[] {
  return packages.flatMap(({ name, version, architecture, archive, path }) => {
    const place = `${field}["${name}"]`
    const file = `${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`
    // an archive of somebody else may name its files as it likes
    const isNamed = OWN_NAMES.has(archive) || path.endsWith(`/${file}`) || path === file
    return [
      ...(archives.has(archive)
        ? []
        : [{ field: `${place}.archive`, locked: archive, wanted: [...archives].sort().join(', ') }]),
      ...(isNamed ? unequal(`${place}.path`, path.slice(path.lastIndexOf('/') + 1), file) : []),
    ]
  })
}

/** Archives whose files are all named `NAME_VERSION_ARCHITECTURE.deb`. */
const OWN_NAMES: ReadonlySet<string> = new Set(['debian', 'debian-security', 'ubuntu'])
