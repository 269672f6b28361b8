import type { AptArchive } from './apt-archive.ts'
import { LEARNING, learningSetup, replacedWheel, tinyImage } from './contents.ts'
import type { FileServer } from './file-server.ts'
import type { GitServer } from './git-server.ts'
import type { OciImage } from './oci-image.ts'
import type { PackageIndex } from './package-index.ts'
import type { Registry } from './registry.ts'

/** What happens to sources in the course of years. */
export interface Moves {
  /** A tag names another image; of `team/tiny:1.0` when nothing is said. Gives the digest it has now. */
  tagPushedAgain(image?: OciImage, repository?: string, tag?: string): Promise<string>
  /** A tag's manifest is deleted: nothing names the image any more. */
  imageGone(repository: string, digest: string): Promise<void>
  /** The live apt archive has `widget` 1.1 and no longer 1.0; snapshots have both. */
  packageUpdated(): void
  /** The index has other bytes under the name of the `tiny-numbers` 1.1 wheel. */
  wheelReplaced(): void
  /** The index has no file of that name any more. */
  wheelGone(file: string): void
  /** The main branch of `research/learning` begins again; its old commits are gone, the tag moved too. Gives the commit. */
  branchForcePushed(): Promise<string>
  repositoryGone(name: string): Promise<void>
  /** A download has other bytes at the same address. */
  fileReplaced(path: string): void
}

export interface Movable {
  registry: Registry
  git: GitServer
  apt: AptArchive
  index: PackageIndex
  files: FileServer
}

export function makeMoves({ registry, git, apt, index, files }: Movable): Moves {
  return {
    tagPushedAgain: async (image, repository = 'team/tiny', tag = '1.0') =>
      registry.push(image ?? (await tinyImage('2.0')), repository, tag),
    imageGone: (repository, digest) => registry.remove(repository, digest),
    packageUpdated: () => apt.show(1),
    wheelReplaced: () => index.add(replacedWheel()),
    wheelGone: (file) => index.remove(file),
    branchForcePushed: async () => {
      const commit = await git.commit(
        LEARNING,
        { 'setup.py': learningSetup('0.5.0'), 'learning/__init__.py': "__version__ = '0.5.0'\n" },
        { again: true },
      )
      await git.tag(LEARNING, '0.4.2', commit)
      await git.prune(LEARNING)
      return commit
    },
    repositoryGone: (name) => git.remove(name),
    fileReplaced: (path) => files.put(path, Buffer.from('replaced\n')),
  }
}
