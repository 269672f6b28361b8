import { createHash, randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { unlessMissing } from '../error.ts'
import type { Part } from '../net/http-download.ts'
import type { Artifact } from './artifact.ts'
import { diskError, type Hashed, makeDirectory, readChunks, writing } from './disk.ts'
import { livenessOf, newOwner, OWNER } from './owner.ts'
import type { Store } from './store.ts'

/** The first bytes of an artifact, on disk, owned by this process until it is kept or disposed of. */
export interface PartialFile extends Part, AsyncDisposable {
  /** sha256 of the bytes so far. */
  digest(): string
  /** Makes it an entry of the store: it must be complete and right. */
  keep(): Promise<Hashed>
  /** Lets go of what was not kept: bytes of a known artifact stay for a later run, which is free to go on with them. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens the partial file of an artifact, with what an earlier run left of it.
 * Waits while another process fetches the same one; undefined when the store has it afterwards.
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
  return openFile(store, file, (received) =>
    received === 0 ? rm(file, { force: true }) : rename(file, join(temporary, `${artifact.sha256}.part`)),
  )
}

/** Makes the partial file of something whose digest is not known yet. @throws StillroomError DISK_FULL, NOT_WRITABLE */
export async function createPartialFile(store: Store): Promise<PartialFile> {
  const file = join(store.temporary, `${randomUUID()}.put`)
  await writing(file, async () => {
    await makeDirectory(store.temporary)
    await (await open(file, 'wx')).close()
  })
  return openFile(store, file, () => rm(file, { force: true }))
}

/** Writes are synchronous: this is what keeps a fast server from filling the memory. */
async function openFile(
  store: Store,
  file: string,
  leave: (received: number) => Promise<void>,
): Promise<PartialFile> {
  const { temporary } = store
  const handle = await open(file, 'r+')
  let hash = createHash('sha256')
  let kept = false
  let received = await readChunks(handle, (chunk) => hash.update(chunk)).catch(async (error) => {
    await handle.close()
    await rm(file, { force: true })
    throw error
  })
  const digest = () => hash.copy().digest('hex')

  const partial: PartialFile = {
    get received() {
      return received
    },
    validator: undefined,
    digest,
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
      kept = true
      await handle.close()
      const hashed = { sha256: digest(), size: received }
      await store.adopt(file, hashed.sha256)
      return hashed
    },
    [Symbol.asyncDispose]: async () => {
      if (kept) return
      await handle.close()
      await leave(received)
    },
  }
  return partial
}

const POLL = 100

interface ClaimOptions {
  /** Milliseconds that another process' partial file may stay as it is before it is no longer waited for. */
  patience: number
  signal: AbortSignal
  /** Whether another process has completed the file meanwhile. */
  isStored: () => Promise<boolean>
}

/**
 * Gives the path of a partial file that this process alone writes; undefined when the file got complete meanwhile.
 *
 * `SHA256.part` is free; `SHA256.OWNER.part` belongs to the process that OWNER names. A free one, or one whose
 * process is gone, is claimed by renaming it: of several that try, the kernel lets one win. So there is no lock
 * that could be stale, and none to steal.
 */
async function claimPartial(
  directory: string,
  sha256: string,
  options: ClaimOptions,
): Promise<string | undefined> {
  await makeDirectory(directory)
  for (;;) {
    const busy = await findBusy(directory, sha256)
    if (busy === undefined) {
      const mine = await takeOrCreate(directory, sha256)
      // Two that found nothing at the same moment both created one: the first by name goes on.
      const rival = await findBusy(directory, sha256, mine)
      if (rival === undefined || rival > mine) return mine
      await giveBack(mine, directory, sha256)
      continue
    }
    const waited = await waitFor(busy, options)
    if (await options.isStored()) return undefined
    if (waited === 'stuck') return create(directory, sha256)
  }
}

/** The partial file of another process, or another part of this one, that is at work. */
async function findBusy(directory: string, sha256: string, except?: string): Promise<string | undefined> {
  const owned = (await list(directory, sha256)).filter((entry) => entry.path !== except)
  return owned.find((entry) => entry.owner !== undefined && livenessOf(entry.owner) === 'alive')?.path
}

async function takeOrCreate(directory: string, sha256: string): Promise<string> {
  const mine = nameFor(directory, sha256)
  for (const { path, owner } of await list(directory, sha256)) {
    const liveness = owner === undefined ? 'gone' : livenessOf(owner)
    if (liveness === 'alive') continue
    // A process elsewhere may still write the file: go on with a copy, and leave the file to it.
    const take = liveness === 'gone' ? rename(path, mine) : copyFile(path, mine)
    if (await take.then(() => true, unlessMissing)) return mine
  }
  return create(directory, sha256)
}

async function create(directory: string, sha256: string): Promise<string> {
  const path = nameFor(directory, sha256)
  await (await open(path, 'wx', 0o644)).close()
  return path
}

async function giveBack(mine: string, directory: string, sha256: string): Promise<void> {
  if ((await stat(mine)).size === 0) await rm(mine)
  else await rename(mine, join(directory, `${sha256}.part`))
}

async function waitFor(path: string, { patience, signal }: ClaimOptions): Promise<'over' | 'stuck'> {
  const owner = ownerIn(path)
  let [seen, since] = ['', performance.now()]
  for (;;) {
    const entry = await stat(path).catch(unlessMissing)
    if (!entry || owner === undefined || livenessOf(owner) === 'gone') return 'over'
    const now = `${entry.size} ${entry.mtimeMs}`
    if (now !== seen) [seen, since] = [now, performance.now()]
    else if (performance.now() - since > patience) return 'stuck'
    await delay(POLL, undefined, { signal })
  }
}

async function list(
  directory: string,
  sha256: string,
): Promise<{ path: string; owner: string | undefined }[]> {
  const names = await readdir(directory)
  return names
    .filter((name) => name.startsWith(`${sha256}.`) && name.endsWith('.part'))
    .map((name) => ({ path: join(directory, name), owner: ownerIn(name) }))
}

function nameFor(directory: string, sha256: string): string {
  return join(directory, `${sha256}.${newOwner()}.part`)
}

function ownerIn(path: string): string | undefined {
  const owner = path.split('.').at(-2)
  return owner !== undefined && OWNER.test(owner) ? owner : undefined
}
