import { resolve } from 'node:path'
import { StillroomError } from '../../error.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import type { LockedReference } from '../../verify/explain-images.ts'
import type { Artifacts, Project } from '../ports.ts'
import { readLockText } from '../project/lock-file.ts'
import { readLockedTree } from '../store/locked-tree.ts'

const PLATFORM = 'linux/amd64'

/**
 * The image of a lockfile, by its locked tree.
 *
 * @throws {StillroomError} LOCK_*; IMAGE_MISSING when it names none, or the tree is not in the store
 */
export async function lockedReference(ports: Artifacts & Project, lock: string): Promise<LockedReference> {
  const path = resolve(ports.directory, lock)
  const lockfile = parseLock(await readLockText(path, lock), lock)
  const image = lockfile.platforms[PLATFORM]?.image
  const root = image && (await readLockedTree(ports, image))
  if (root) return { reference: lock, ...image, root }
  const what = image ? 'its locked tree is not in the store' : 'it names no image yet'
  throw new StillroomError('IMAGE_MISSING', `cannot compare with the image of ${lock}: ${what}`, {
    hint: `build or audit the locked image once (stillroom build recipe ${lockfile.recipe}), or import an archive that has the tree`,
  })
}
