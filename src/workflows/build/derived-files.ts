import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../../error.ts'
import { hashPath, linkOrCopy, moveInPlace, writeFileAtomic } from '../../store/disk.ts'

/**
 * Files that are made of artifacts, such as .debs with their files compressed otherwise: each made once, and linked into every build
 * context that has it. Whether one is still what was made is for who uses it to ask: see {@link DerivedFiles.discard}.
 */
export class DerivedFiles {
  readonly #root: string

  /** @param root a directory of these files alone, on the file system of the contexts */
  constructor(root: string) {
    this.#root = root
  }

  /** Whether there is such a file. What it holds is not looked at. */
  async has(key: string): Promise<boolean> {
    return (await this.#noted(key)) !== undefined
  }

  /** Throws a file away, such as one that is not what was made; it need not exist. */
  async discard(key: string): Promise<void> {
    for (const path of [this.#noteOf(key), join(this.#root, key)]) await rm(path, { force: true })
  }

  /**
   * Makes a file appear at `destination`, in a directory that is there.
   *
   * @param key tells how it is made of which artifact: equal keys, equal bytes
   * @param make writes it to an empty file
   * @returns the sha256 that it had when it was made
   */
  async place(key: string, make: (file: FileHandle) => Promise<void>, destination: string): Promise<string> {
    const path = join(this.#root, key)
    const noted = await this.#noted(key)
    if (noted !== undefined) {
      await linkOrCopy(path, destination)
      return noted
    }
    const temporary = join(this.#root, `${key}.${randomUUID()}.tmp`)
    try {
      await mkdir(this.#root, { recursive: true })
      await writeNew(temporary, make)
      const { sha256: digest } = await hashPath(temporary)
      await linkOrCopy(temporary, destination)
      await moveInPlace(temporary, path)
      await writeFileAtomic(this.#noteOf(key), digest)
      return digest
    } finally {
      await rm(temporary, { force: true })
    }
  }

  #noteOf(key: string): string {
    return join(this.#root, `${key}.sha256`)
  }

  /** The sha256 that a file had when it was made; undefined when it is not there. */
  async #noted(key: string): Promise<string | undefined> {
    const noted = await readFile(this.#noteOf(key), 'utf8').catch(unlessMissing)
    const entry = await stat(join(this.#root, key)).catch(unlessMissing)
    return entry?.isFile() ? noted : undefined
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
