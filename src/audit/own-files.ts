import { byteCodeSource } from '../formats/python/byte-code.ts'
import type { Inode } from '../image/layer-entry.ts'
import type { Inventory } from '../inventory/inventory.ts'
import { expectLock } from './expect/expect-lock.ts'
import { lockedPackages, packageId } from './expect/locked-packages.ts'
import { judgeContext, type LockedContext, makerOf } from './judge/judge-context.ts'
import { judgeFile } from './judge/judge-file.ts'
import type { ImageSubject, LockSubject } from './subject.ts'

/** A regular file of an image, and whose it is. */
export interface ImageFile {
  /** Below the root, one byte a character; of a file with several names, the first. */
  path: string
  /** In bytes. */
  size: number
  /** `deb/libc6`, `pypi/numpy`, or the step that brings or makes it: `project-3`; undefined when it is not known. */
  owner?: string
  /** The step whose file it is: `base`, `apt-1`; undefined when it is not known. */
  step?: string
  /** What it is, of a file that no package or source has and that was made as packages were set up: `byte code`. */
  made?: string
}

/**
 * Whose each regular file of an image is, by what its lock brings; every file comes once, so that their sizes sum up to
 * those of the tree. Whether a file is as it should be is not asked: see `auditImage`.
 */
export function ownFiles(image: ImageSubject, lock: LockSubject): ImageFile[] {
  const packages = lockedPackages(lock.locked)
  const context = judgeContext(image, lock, packages, expectLock(image, lock, packages)) as LockedContext
  const listed = lock.locked.base.kind !== 'debian' ? listedFiles(image.inventory, context) : undefined
  const seen = new Set<Inode>()
  const found: ImageFile[] = []
  for (const { path, directory, name, inode } of image.tree.files()) {
    if (inode.type !== 'file' || seen.has(inode)) continue
    if (inode.isShared) seen.add(inode)
    const { status, owner, reason } = judgeFile(path, inode, context.expected.in(directory, name), context)
    const maker = makerOf(inode, context)
    const own = owner === 'base' ? (listed?.get(path) ?? owner) : owner
    const step = packages.get(own ?? '')?.step ?? (own?.includes('/') ? maker?.name : (own ?? maker?.name))
    const isCommands = maker?.by === 'commands' && owner === maker.name
    const isByteCode = status !== 'intact' && byteCodeSource(path) !== undefined
    const made = isCommands ? undefined : isByteCode ? 'byte code' : reason
    found.push({
      path,
      size: inode.size,
      ...(own === undefined ? {} : { owner: own }),
      ...(step === undefined ? {} : { step }),
      ...(made === undefined ? {} : { made }),
    })
  }
  return found
}

/** By path, the package that lists it: all that says whose the files of a base image are. */
function listedFiles({ packages }: Inventory, { expected }: LockedContext): Map<string, string> {
  return new Map(
    packages.flatMap((entry) =>
      entry.files.map(({ path }) => [expected.place(path), packageId(entry)] as const),
    ),
  )
}
