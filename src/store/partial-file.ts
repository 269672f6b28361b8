import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artifact } from './artifact.ts'
import { claimPartial } from './claim-partial.ts'
import { diskError, writing } from './disk-error.ts'
import { readChunks } from './hash-file.ts'
import type { Store } from './store.ts'

/** The first bytes of an artifact, on disk, owned by this process until `keep` or `release`. */
export interface PartialFile {
  /** How many bytes there are. */
  readonly received: number
  /** The server's name for the version these bytes are of, and where it said so. */
  validator: { url: string; etag: string } | undefined
  /** sha256 of the bytes so far. */
  digest(): string
  append(chunk: Uint8Array): void
  /** Forgets all bytes. */
  restart(): Promise<void>
  /** Makes it an entry of the store: it must be complete and right. */
  keep(): Promise<void>
  /** Leaves the bytes for a later run, which is free to go on with them. */
  release(): Promise<void>
}

/**
 * Opens the partial file of an artifact, with what an earlier run left of it.
 * Waits while another process fetches the same one; undefined when the store has it afterwards.
 * Writes are synchronous: this is what keeps a fast server from filling the memory.
 * @throws StillroomError DISK_FULL, NOT_WRITABLE.
 */
export async function openPartialFile(
  store: Store,
  artifact: Artifact,
  options: { patience: number; signal: AbortSignal },
): Promise<PartialFile | undefined> {
  const { temporary } = store
  const file = await writing(temporary, () =>
    claimPartial(temporary, artifact.sha256, { ...options, isStored: () => store.verify(artifact) }),
  )
  if (file === undefined) return undefined
  const handle = await open(file, 'r+')
  let hash = createHash('sha256')
  let received = await readChunks(handle, (chunk) => hash.update(chunk)).catch(async (error) => {
    await handle.close()
    await rm(file, { force: true })
    throw error
  })

  const partial: PartialFile = {
    get received() {
      return received
    },
    validator: undefined,
    digest: () => hash.copy().digest('hex'),
    append: (chunk) => {
      try {
        for (let done = 0; done < chunk.length; ) {
          done += writeSync(handle.fd, chunk, done, chunk.length - done, received + done)
        }
      } catch (error) {
        throw diskError(error, temporary)
      }
      hash.update(chunk)
      received += chunk.length
    },
    restart: async () => {
      await writing(temporary, () => handle.truncate(0))
      hash = createHash('sha256')
      received = 0
      partial.validator = undefined
    },
    keep: async () => {
      await handle.close()
      await store.adopt(file, artifact.sha256)
    },
    release: async () => {
      await handle.close()
      if (received === 0) await rm(file, { force: true })
      else await rename(file, join(temporary, `${artifact.sha256}.part`))
    },
  }
  return partial
}
