import { basePackages } from '../lock/base-packages.ts'
import type {
  DebianPackage,
  LockedBase,
  LockedFile,
  LockedGit,
  LockedPlatform,
  PythonFile,
} from '../lock/schema.ts'
import type { Artifact, Origin } from '../store/artifact.ts'
import { layerArtifacts } from './image-base.ts'
import { COMPRESSOR, PACKER } from './locked-programs.ts'
import { stepName } from './step-name.ts'

/** An artifact and where it lies in the build context, relative to the context's directory. */
export interface PlacedArtifact {
  artifact: Artifact
  destination: string
}

/** A tree of the recipe's own repository, archived into the build context. */
export interface PlacedProject {
  commit: string
  tree: string
  destination: string
}

export interface ContextArtifacts {
  files: PlacedArtifact[]
  /** .debs whose data member is placed once more, as a plain tar: what the first stage can run. */
  seed: { artifact: Artifact; destination: string }[]
  projects: PlacedProject[]
  /** Directories that a RUN mounts, and that may stay empty. */
  directories: string[]
}

/** Every input of a build and its place in the context, in the order of the lockfile. */
export function contextArtifacts(locked: LockedPlatform): ContextArtifacts {
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
      const unique = new Map([...step.files, ...builders].map((entry) => [entry.file, entry]))
      files.push(...[...unique.values()].map((entry) => place(pythonArtifact(entry), name)))
    }
    if (step.kind === 'git')
      files.push({ artifact: gitArtifact(step), destination: `artifacts/${name}/tree.tar` })
    if (step.kind === 'file')
      files.push({ artifact: fileArtifact(step), destination: `artifacts/${name}/content` })
    if (step.kind === 'project') {
      projects.push({ commit: step.commit, tree: step.tree, destination: `artifacts/${name}/project.tar` })
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
 * Every entry of the store that a lock needs: its artifacts, the indexes that let it be extended, the tree of its image, and
 * what makes a SIF of it, or compresses its layers, where it was exported or published.
 */
export function lockedDigests(locked: LockedPlatform): string[] {
  const { files, seed } = contextArtifacts(locked)
  const artifacts = [...files, ...seed].map(({ artifact }) => artifact.sha256)
  const indexes = locked.base.indexes.flatMap(({ release, packages }) => [release, packages])
  const tree = locked.image === null ? [] : [locked.image.tree.slice('sha256:'.length)]
  const packer = locked.image?.sif === undefined ? [] : lockedDigests(PACKER)
  const compressor = locked.image?.published === undefined ? [] : lockedDigests(COMPRESSOR)
  return [...new Set([...artifacts, ...indexes, ...tree, ...packer, ...compressor])].sort()
}
