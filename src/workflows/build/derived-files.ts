import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../../error.ts'
import { hashFile, linkOrCopy, moveInPlace, writeFileAtomic } from '../../store/disk.ts'

/**
 * Files that are made of artifacts, such as .debs with their files compressed otherwise: each made once, and linked into every build
 * context that has it. One that is no longer what it was when it was made is made again.
 */
export class DerivedFiles {
  readonly #root: string

  /** @param root a directory of these files alone, on the file system of the contexts */
  constructor(root: string) {
    this.#root = root
  }

  /**
   * Makes a file appear at `destination`, in a directory that is there.
   *
   * @param key tells how it is made of which artifact: equal keys, equal bytes
   * @param make writes it to an empty file
   * @returns its sha256
   */
  async place(key: string, make: (file: FileHandle) => Promise<void>, destination: string): Promise<string> {
    const path = join(this.#root, key)
    const note = `${path}.sha256`
    const noted = await readFile(note, 'utf8').catch(unlessMissing)
    if (noted !== undefined && (await digestOf(path).catch(unlessMissing)) === noted) {
      await linkOrCopy(path, destination)
      return noted
    }
    const temporary = join(this.#root, `${key}.${randomUUID()}.tmp`)
    try {
      await mkdir(this.#root, { recursive: true })
      await writeNew(temporary, make)
      const digest = await digestOf(temporary)
      await linkOrCopy(temporary, destination)
      await moveInPlace(temporary, path)
      await writeFileAtomic(note, digest)
      return digest
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Removes those that are in no context, and were in none since a time. */
  async removeUnused(since: Date): Promise<void> {
    for (const name of (await readdir(this.#root).catch(unlessMissing)) ?? []) {
      const path = join(this.#root, name.replace(/\.sha256$/, ''))
      const entry = await stat(path).catch(unlessMissing)
      // a link that comes or goes counts as a change of the inode
      if (entry !== undefined && (entry.nlink > 1 || entry.ctime >= since)) continue
      await rm(join(this.#root, name), { force: true })
    }
  }
}

async function writeNew(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await using file = await open(path, 'wx', 0o444)
  await write(file)
}

async function digestOf(path: string): Promise<string> {
  await using handle = await open(path, 'r')
  return (await hashFile(handle)).sha256
}
