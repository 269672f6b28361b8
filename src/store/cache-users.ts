import { rmSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { livenessOf, newOwner, OWNER } from './owner.ts'

// Who builds, locks or verifies is in the way of who empties the cache, and the other way round. Each first writes a file
// with its own name, then looks for files of the other kind: of two that come at the same moment, one sees the other. Users
// then wait, and who empties leaves what a user may need. A process that is gone counts for nothing.

const POLL_MS = 50

const directoryOf = (cache: string) => join(cache, 'users')

/**
 * Notes that this process uses what is in the cache, until it ends; first waits until nobody empties it.
 *
 * @param onWait called once when that takes longer than a second
 */
export async function useCache(cache: string, signal: AbortSignal, onWait: () => void): Promise<void> {
  const file = await note(cache, 'uses')
  // who may not write may not remove either
  if (file === undefined) return
  process.once('exit', () => rmSync(file, { force: true }))
  for (let polls = 0; (await others(cache, 'empties', file)).length > 0; polls++) {
    if (polls * POLL_MS === 1000) onWait()
    await wait(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

export interface Emptying extends AsyncDisposable {
  /** Processes that use the cache: what they may need has to stay. */
  users: number[]
}

/**
 * Notes that this process is about to empty the cache, until what is given is disposed of.
 *
 * @param except a process that counts as none that uses it
 */
export async function emptyCache(cache: string, except?: number): Promise<Emptying> {
  const file = await note(cache, 'empties')
  const end = async () => {
    if (file !== undefined) await rm(file, { force: true })
  }
  const users = (await others(cache, 'uses', file)).filter((pid) => pid !== except)
  // others need not wait for what leaves them everything
  if (users.length > 0) await end()
  return { users, [Symbol.asyncDispose]: end }
}

async function note(cache: string, kind: 'uses' | 'empties'): Promise<string | undefined> {
  const file = join(directoryOf(cache), `${newOwner()}.${kind}`)
  try {
    await mkdir(directoryOf(cache), { recursive: true })
    await writeFile(file, '', { flag: 'wx' })
    return file
  } catch {
    return undefined
  }
}

/** Process ids of those that live, or cannot be asked; files of others go. */
async function others(cache: string, kind: 'uses' | 'empties', own: string | undefined): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir(directoryOf(cache)).catch(() => [])) {
    const path = join(directoryOf(cache), name)
    const owner = name.slice(0, name.lastIndexOf('.'))
    if (path === own || !name.endsWith(`.${kind}`) || !OWNER.test(owner)) continue
    if (livenessOf(owner) === 'gone') await rm(path, { force: true }).catch(() => {})
    else found.push(Number(owner.split('-')[1]))
  }
  return found
}
