import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile, moveInPlace, writeFileAtomic } from '../../store/disk.ts'

/**
 * Files that are made of artifacts, such as .debs with their files uncompressed: each made once, and linked into every build
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
   */
  async place(
    key: string,
    make: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>,
    destination: string,
  ): Promise<void> {
    const path = join(this.#root, key)
    const note = `${path}.sha256`
    const noted = await readFile(note, 'utf8').catch(() => undefined)
    if (noted === undefined || (await digestOf(path)) !== noted) {
      const temporary = join(this.#root, `${key}.${randomUUID()}.tmp`)
      try {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(temporary, await make(), { flag: 'wx', mode: 0o444 })
        const made = (await digestOf(temporary)) ?? ''
        await link(temporary, destination)
        await moveInPlace(temporary, path)
        await writeFileAtomic(note, made)
      } finally {
        await rm(temporary, { force: true })
      }
    } else await link(path, destination)
  }

  /** Removes those that are in no context, and were in none since a time. */
  async removeUnused(since: Date): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      const path = join(this.#root, name.replace(/\.sha256$/, ''))
      const entry = await stat(path).catch(() => undefined)
      // a link that comes or goes counts as a change of the inode
      if (entry !== undefined && (entry.nlink > 1 || entry.ctime >= since)) continue
      await rm(join(this.#root, name), { force: true })
    }
  }
}

async function digestOf(path: string): Promise<string | undefined> {
  try {
    await using handle = await open(path, 'r')
    return (await hashFile(handle)).sha256
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
