import { basePackages } from '../lock/base-packages.ts'
import { otherRecipes } from '../lock/other-recipes.ts'
import type {
  DebianPackage,
  LockedBase,
  LockedFile,
  LockedGit,
  LockedPlatform,
  LockedProject,
  PythonFile,
} from '../lock/schema.ts'
import type { Artifact, Origin } from '../store/artifact.ts'
import { layerArtifacts } from './image-base.ts'
import { COMPRESSOR, PACKER } from './locked-programs.ts'
import { lastLayer, wheelLayers } from './pip-stages.ts'
import { stepName } from './step-name.ts'

/** An artifact and where it lies in the build context, relative to the context's directory. */
export interface PlacedArtifact {
  artifact: Artifact
  destination: string
}

/** A tree of the recipe's own repository, archived into the build context. */
export interface PlacedProject extends Pick<LockedProject, 'commit' | 'tree' | 'part'> {
  destination: string
  /** Of its files, where that is another than the image's. */
  epoch?: number
}

export interface ContextArtifacts {
  files: PlacedArtifact[]
  /** .debs whose data member is placed once more, as a plain tar: what the first stage can run. */
  seed: { artifact: Artifact; destination: string }[]
  projects: PlacedProject[]
  /** Directories that a RUN mounts, and that may stay empty. */
  directories: string[]
}

/** Every input of a build and its place in the context, in the order of the lockfile; then those of other recipes. */
export function contextArtifacts(locked: LockedPlatform): ContextArtifacts {
  const own = ownArtifacts(locked)
  for (const { name, locked: other } of otherRecipes(locked)) {
    const { files, seed, projects, directories } = ownArtifacts(other)
    const place = (path: string) => placeOf(name, path)
    const moved = <T extends { destination: string }>(entries: readonly T[]) =>
      entries.map((entry) => ({ ...entry, destination: place(entry.destination) }))
    own.files.push(...moved(files))
    own.seed.push(...moved(seed))
    own.projects.push(...moved(projects).map((project) => ({ ...project, epoch: other.epoch })))
    own.directories.push(...directories.map(place))
  }
  return own
}

/**
 * Where a path of another recipe's context lies in that of one that takes files from it: artifacts stay together.
 *
 * @param recipe the other's name; undefined for a recipe's own context
 */
export function placeOf(recipe: string | undefined, path: string): string {
  if (recipe === undefined) return path
  const below = `recipes/${recipe}/`
  return path.startsWith('artifacts/') ? path.replace('artifacts/', `artifacts/${below}`) : below + path
}

/** What the steps of the recipe itself and its base need. */
export function ownArtifacts(locked: LockedPlatform): ContextArtifacts {
  const { base } = locked
  const files =
    base.kind === 'image'
      ? layerArtifacts(base)
      : basePackages(base).map((entry) => place(debianArtifact(entry), 'base'))
  if (base.kind === 'debian' && base.clock !== undefined)
    files.push(place(debianArtifact(base.clock), 'clock'))
  const seed = seedPackages(base).map((entry) => ({
    artifact: debianArtifact(entry),
    destination: `artifacts/seed/${entry.name}.tar`,
  }))
  const projects: PlacedProject[] = []
  const directories: string[] = []
  for (const [index, step] of locked.steps.entries()) {
    const name = stepName(index, step.kind)
    if (step.kind === 'apt' || step.kind === 'pip') directories.push(`artifacts/${name}`)
    if (step.kind === 'apt') files.push(...step.packages.map((entry) => place(debianArtifact(entry), name)))
    if (step.kind === 'pip') {
      const builders = Object.values(step.build).flat()
      const unique = new Map([...lastLayer(step), ...builders].map((entry) => [entry.file, entry]))
      files.push(
        ...wheelLayers(name, step).flatMap(({ directory, files: wheels }) =>
          wheels.map((entry) => place(pythonArtifact(entry), `${name}/${directory}`)),
        ),
        ...[...unique.values()].map((entry) => place(pythonArtifact(entry), name)),
      )
    }
    if (step.kind === 'git')
      files.push({ artifact: gitArtifact(step), destination: `artifacts/${name}/tree.tar` })
    if (step.kind === 'file')
      files.push({ artifact: fileArtifact(step), destination: `artifacts/${name}/content` })
    if (step.kind === 'project') {
      const { commit, tree, part } = step
      projects.push({ commit, tree, ...(part && { part }), destination: `artifacts/${name}/project.tar` })
    }
  }
  return { files, seed, projects, directories }
}

function seedPackages(base: LockedBase): DebianPackage[] {
  return base.kind === 'debian' ? base.packages.filter(({ name }) => base.seed.includes(name)) : []
}

function place(artifact: Artifact, directory: string): PlacedArtifact {
  return { artifact, destination: `artifacts/${directory}/${artifact.file}` }
}

function debianArtifact(entry: DebianPackage): Artifact {
  return {
    name: `${entry.name} ${entry.version} ${entry.architecture}`,
    file: entry.path.slice(entry.path.lastIndexOf('/') + 1),
    sha256: entry.sha256,
    size: entry.size,
    origin: { kind: 'debian', archive: entry.archive, path: entry.path },
  }
}

export function pythonArtifact(entry: PythonFile): Artifact {
  return {
    name: `${entry.name} ${entry.version}`,
    file: entry.file,
    sha256: entry.sha256,
    size: entry.size,
    origin: pythonOrigin(entry),
  }
}

function pythonOrigin({ name, file, url, index }: PythonFile): Origin {
  if (url !== undefined) return { kind: 'url', url }
  return { kind: 'pypi', name, file, ...(index === undefined ? {} : { index }) }
}

function gitArtifact({ url, commit, size, sha256 }: LockedGit): Artifact {
  return {
    name: `${url} ${commit.slice(0, 12)}`,
    file: 'tree.tar',
    sha256,
    size,
    origin: { kind: 'git', url, commit },
  }
}

function fileArtifact({ url, size, sha256 }: LockedFile): Artifact {
  const file = /([^/?]+)(\?.*)?$/.exec(url)?.[1] ?? 'content'
  return { name: file, file, sha256, size, origin: { kind: 'url', url } }
}

/**
 * Every entry of the store that a lock needs: its artifacts, the indexes that let it be extended, the tree of its image and of those
 * that files are taken from, and what makes a SIF of it, or compresses its layers, where it was exported or published.
 */
export function lockedDigests(locked: LockedPlatform): string[] {
  const { files, seed } = contextArtifacts(locked)
  const artifacts = [...files, ...seed].map(({ artifact }) => artifact.sha256)
  const others = Object.values(locked.recipes ?? {})
  const indexes = [locked, ...others].flatMap(({ base }) =>
    base.indexes.flatMap(({ release, packages }) => [release, packages]),
  )
  const trees = [locked, ...others].flatMap(({ image }) => image?.tree.slice('sha256:'.length) ?? [])
  const packer = locked.image?.sif === undefined ? [] : lockedDigests(PACKER)
  const compressor = locked.image?.published === undefined ? [] : lockedDigests(COMPRESSOR)
  return [...new Set([...artifacts, ...indexes, ...trees, ...packer, ...compressor])].sort()
}
