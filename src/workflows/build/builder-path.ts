import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../error.ts'
import { diskError } from '../../store/disk.ts'
import { newOwner } from '../../store/owner.ts'
import type { Cache } from '../ports.ts'

/** A path by which a builder is given a build context; no other process has it until it is disposed of. */
export interface BuilderPath extends AsyncDisposable {
  path: string
}

/**
 * A path that leads to a build context, the same for each context of recipes of one name. BuildKit keeps what it was sent by the path
 * that it came from, and compares by path, size and time of files: from a path that it knows, it is sent what is new alone,
 * instead of a whole context, and keeps one copy instead of one each.
 *
 * @param directory the context
 * @param name the recipe's: checkouts of one project share what a builder keeps
 */
export async function builderPath({ cache }: Cache, directory: string, name: string): Promise<BuilderPath> {
  const root = join(cache, 'builder-paths')
  const owner = newOwner()
  try {
    await mkdir(root, { recursive: true })
    for (let number = 0; ; number++) {
      const path = join(root, `${name}-${number}`)
      const claim = `${path}.claim`
      // one that a process left behind when it was killed stays: nobody can take it without taking another's
      if (!(await makeLink(owner, claim))) continue
      const temporary = join(root, `${owner}.tmp`)
      await symlink(directory, temporary)
      await rename(temporary, path)
      const release = async () => {
        if ((await readlink(claim).catch(() => undefined)) === owner) await rm(claim, { force: true })
      }
      return { path, [Symbol.asyncDispose]: release }
    }
  } catch (error) {
    throw diskError(error, root)
  }
}

/** Whether a link could be made; false when there is something of that name. */
async function makeLink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}
