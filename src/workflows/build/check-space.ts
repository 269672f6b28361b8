import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { FREE_SPACE, StillroomError } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Artifact } from '../../store/artifact.ts'
import type { Artifacts, Cache, Reporting } from '../ports.ts'
import { derivedFiles, placementsOf } from './placements.ts'

/** What the files in a .deb or a layer take, in sizes of it: more than most. */
const UNPACKED = 4
/** What a context's file of an artifact takes, in sizes of it, and more than most do: .debs are packed again, layers unpacked. */
const STAGED: Partial<Record<Artifact['origin']['kind'], number>> = { debian: 2, registry: 4 }
const stagedSize = ({ size, origin }: Artifact) => size * (STAGED[origin.kind] ?? 1)
/** A disk with less than this has nothing left. */
const LEAST = 32e6

/** What a build takes of one disk, in bytes. */
export interface SpaceNeed {
  /** Any directory of it. */
  directory: string
  what: 'cache' | 'Docker Engine'
  /** It cannot do with less. */
  atLeast: number
  /** What it takes when nothing of it is there yet. */
  about: number
}

/**
 * Works out what a build needs of the disks, from the sizes in the lockfile.
 *
 * @param missing bytes that have to be fetched
 * @param unstaged bytes that files made of packages and layers will take
 */
export function spaceNeeds(
  { image }: Pick<LockedPlatform, 'image'>,
  files: readonly Artifact[],
  { missing, unstaged, noCache }: { missing: number; unstaged: number; noCache: boolean },
): Pick<SpaceNeed, 'what' | 'atLeast' | 'about'>[] {
  const staged = files.reduce((sum, file) => sum + stagedSize(file), 0)
  const isPacked = ({ kind }: Artifact['origin']) => kind === 'debian' || kind === 'registry'
  const unpacked = files.reduce((sum, { size, origin }) => sum + size * (isPacked(origin) ? UNPACKED : 1), 0)
  const size = image?.size ?? unpacked
  return [
    { what: 'cache', atLeast: missing, about: missing + unstaged },
    // each layer once as the build makes it and once as the image has it; and what the build is given
    { what: 'Docker Engine', atLeast: noCache ? size : 0, about: 2 * size + staged },
  ]
}

/**
 * Looks whether the disks have what a build needs.
 *
 * @param engine directory of the engine's data, where this machine has it
 * @throws {StillroomError} DISK_FULL when they certainly have not; a note when it may be too little
 */
export async function checkSpace(
  ports: Artifacts & Cache & Reporting,
  locked: LockedPlatform,
  { files }: Pick<ContextArtifacts, 'files'>,
  { engine, noCache }: { engine: string | undefined; noCache: boolean },
): Promise<void> {
  const placements = new Map(
    placementsOf({ files, seed: [] }).map((placement) => [placement.artifact.sha256, placement]),
  )
  const derived = derivedFiles(ports)
  let [missing, unstaged] = [0, 0]
  for (const { artifact, made } of placements.values()) {
    if (!(await ports.store.has(artifact.sha256, artifact.size))) missing += artifact.size
    if (made && !(await derived.has(made.key))) unstaged += stagedSize(artifact)
  }
  const artifacts = [...placements.values()].map(({ artifact }) => artifact)
  const places = { cache: await nearest(ports.cache), 'Docker Engine': engine }
  const needs = spaceNeeds(locked, artifacts, { missing, unstaged, noCache }).flatMap((need) => {
    const directory = places[need.what]
    return directory === undefined ? [] : [{ ...need, directory }]
  })
  for (const disk of await byDisk(needs)) {
    const { free, atLeast, about, what, directory } = disk
    const has = `of the disk of the ${what} (${directory}), which has ${megabytes(free)} free`
    if (free < atLeast || free < LEAST) {
      const least =
        atLeast > 0 ? `at least ${megabytes(atLeast)}, about ${megabytes(about)}` : megabytes(about)
      throw new StillroomError('DISK_FULL', `the build needs ${least} ${has}`, {
        hint: FREE_SPACE,
        details: { path: directory, free, atLeast, about },
      })
    }
    if (free < about) ports.progress({ kind: 'note', text: `the build may need ${megabytes(about)} ${has}` })
  }
}

/** What is needed of one and the same disk, together. */
async function byDisk(needs: readonly SpaceNeed[]) {
  const disks = new Map<number, Omit<SpaceNeed, 'what'> & { what: string; free: number }>()
  for (const need of needs) {
    const [entry, system] = await Promise.all([stat(need.directory), statfs(need.directory)]).catch(() => [])
    // an engine in a virtual machine has a disk that is not seen from here; some file systems do not say
    if (!entry || !system?.blocks) continue
    const present = disks.get(entry.dev)
    const free = system.bavail * system.bsize
    if (!present) disks.set(entry.dev, { ...need, free })
    else {
      present.what += ` and the ${need.what}`
      present.atLeast += need.atLeast
      present.about += need.about
    }
  }
  return disks.values()
}

async function nearest(path: string): Promise<string> {
  const present = await stat(path).catch(() => undefined)
  return present || dirname(path) === path ? path : nearest(dirname(path))
}

const megabytes = (bytes: number) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`
