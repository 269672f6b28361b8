import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { StillroomError } from '../../error.ts'
import type { SimpleFile } from '../../sources/simple-page.ts'
import { fetchWheelMetadata, readWheelMetadata } from '../../sources/wheel-metadata.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'
import { downloadUnpinned } from '../../store/download.ts'
import type { FileCache } from '../../store/file-cache.ts'
import type { Store } from '../../store/store.ts'
import type { FindKept } from './fetch-files.ts'
import { stubWheel } from './stub-wheel.ts'

/** A file of an index, by what the index says of it. */
export type RelayedFile = SimpleFile & { sha256: string }

interface Entry {
  file: RelayedFile
  from: ArtifactUrl
  /** Of a wheel: what pip was given. */
  metadata?: Promise<Buffer>
  /** Its size, when it was in the store and right as pip asked for it. */
  stored?: Promise<number | undefined>
  /** Its size, once it is in the store. */
  fetched?: Promise<number>
}

/**
 * Files that pip is shown instead of an index's own: what it asks for, and what became of that.
 *
 * @throws {StillroomError} FETCH_FAILED, ARTIFACT_GONE; PIP_FAILED when a file is not what the index says
 */
export class RelayedFiles {
  readonly #store: Store
  readonly #signal: AbortSignal
  readonly #kept: FileCache
  readonly #entries: Entry[] = []

  /** @param contents where METADATA that an index gave is kept for the next time */
  constructor({ store, contents, signal }: { store: Store; contents: FileCache; signal: AbortSignal }) {
    this.#store = store
    this.#kept = contents
    this.#signal = signal
  }

  /** @returns the number by which a file is asked for */
  add(file: RelayedFile, from: ArtifactUrl): number {
    return this.#entries.push({ file, from }) - 1
  }

  /** What pip is given: a wheel that says what it is and has nothing else in it, or a path where a source distribution lies. */
  async content(number: number): Promise<{ bytes: Uint8Array } | { path: string } | undefined> {
    const entry = this.#entries[number]
    if (entry === undefined) return undefined
    const { file, sha256 } = entry.file
    entry.stored ??= this.#findStored(sha256)
    if (file.endsWith('.whl')) {
      entry.metadata ??= this.#metadata(entry)
      return { bytes: await stubWheel(file, await entry.metadata) }
    }
    await this.#fetch(entry)
    return { path: this.#store.path(sha256) }
  }

  /** Brings a file that pip was given into the store whole, and makes sure that it says what pip read. */
  readonly find: FindKept = async (_name, file) => {
    const [entry, ...others] = this.#entries.filter((each) => each.file.file === file && each.stored)
    if (entry === undefined || others.some((other) => other.file.sha256 !== entry.file.sha256))
      return undefined
    const { sha256 } = entry.file
    return { file, size: await this.#fetch(entry), sha256 }
  }

  async #metadata({ file, from }: Entry): Promise<Buffer> {
    const name = hash('sha256', `METADATA of ${file.sha256}`, 'hex')
    const here = (await readWheelMetadata(this.#store.path(file.sha256))) ?? (await this.#kept.get(name))
    if (here !== undefined) return here
    const metadata = await fetchWheelMetadata({ ...from, ...file }, this.#signal)
    if (metadata === undefined)
      throw new StillroomError('PIP_FAILED', `the METADATA of ${file.file} cannot be had without all of it`)
    await this.#kept.put(name, metadata)
    return metadata
  }

  async #findStored(sha256: string): Promise<number | undefined> {
    const entry = await stat(this.#store.path(sha256)).catch(() => undefined)
    // what cannot be read is fetched, which says why it cannot be kept
    const isRight = entry && (await this.#store.verify({ sha256, size: entry.size }).catch(() => false))
    return isRight ? entry.size : undefined
  }

  #fetch(entry: Entry): Promise<number> {
    entry.fetched ??= this.#download(entry)
    return entry.fetched
  }

  async #download({ file: { file, sha256 }, from, metadata, stored }: Entry): Promise<number> {
    const size = await stored
    if (size !== undefined) return size
    const got = await downloadUnpinned(from, { store: this.#store, signal: this.#signal })
    const failed = (message: string) => new StillroomError('PIP_FAILED', message, { hint: 'lock again' })
    if (got.sha256 !== sha256)
      throw failed(`an index says that ${file} has sha256 ${sha256}, and gives one that has ${got.sha256}`)
    if (metadata && !(await readWheelMetadata(this.#store.path(sha256)))?.equals(await metadata))
      throw failed(`the METADATA that an index gives beside ${file} is not what is in it`)
    return got.size
  }
}
