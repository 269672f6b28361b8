import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type FaultCase, faultCases, type Times } from './world/fault-cases.ts'
import { type FaultSource, faultSources } from './world/fault-sources.ts'
import { type Cell, faultTable } from './world/fault-table.ts'
import { startWorld, type World } from './world/world.ts'

/** A run's, but with less patience: the servers are near. */
const TIMING = { retries: 2, backoff: 10, stall: 2000 }

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: faults of sources, since ${possible}`)

let world: World
let directory: string
let cases: FaultCase[]
let sources: FaultSource[]

beforeAll(async () => {
  if (possible !== true) return
  world = await startWorld()
  directory = await mkdtemp(join(tmpdir(), 'stillroom-faults-'))
  const stranger = await makeAuthority(join(directory, 'stranger'))
  cases = faultCases({
    own: await world.authority.issue(LOOPBACK_NAMES),
    stranger: await stranger.issue(LOOPBACK_NAMES),
  })
  sources = await faultSources(world, TIMING)
})
afterAll(async () => {
  await world?.close()
  if (directory !== undefined) await rm(directory, { recursive: true, force: true })
})

it.skipIf(possible !== true)(
  'each fault at each source ends as docs/faults.md says',
  { timeout: 300_000 },
  async () => {
    const cells: Cell[] = []
    // each source has a front of its own; one source after another would take minutes
    await Promise.all(
      sources.map(async (source) => {
        const needed = await countRequests(source)
        for (const fault of cases) {
          const first = !fault.ofConnection && !(fault.subtle && source.asksFirst)
          if (first) cells.push(await meet(source, fault, 'once', needed))
          cells.push(await meet(source, fault, 'always', needed))
        }
      }),
    )
    const table = faultTable(
      cases.map(({ name }) => name),
      sources.map(({ name }) => name),
      cells,
    )
    await expect(table).toMatchFileSnapshot('../docs/faults.md')
  },
)

/** Fetches through a fault into a store that holds one other file, then once more without. */
async function meet(source: FaultSource, fault: FaultCase, times: Times, needed: number): Promise<Cell> {
  const { file, front, path } = source
  const store = await openStore(await mkdtemp(join(directory, 'store-')))
  const bystander = await store.put(Buffer.from('a file that was there before'))
  const where = { source: source.name, fault: fault.name, times }
  const told = JSON.stringify(where)

  front.clear()
  fault.begin(front, path, times)
  const outcome = await source.fetch(store).catch((error) => {
    if (error instanceof StillroomError) return error
    throw error
  })
  const requests = front.seen.filter((request) => path.test(request.path))
  fault.end?.(front)
  front.clear()

  const kept = outcome instanceof StillroomError ? [] : [file.sha256]
  expect(await entries(store), told).toEqual([bystander.sha256, ...kept].sort())
  expect(await store.verify(bystander), told).toBe(true)
  const left = await readdir(store.temporary).catch(() => [])
  expect(
    left.filter((name) => name.startsWith('git-')),
    told,
  ).toEqual([])
  if (outcome instanceof StillroomError) expect(leaks(outcome), told).toEqual([])
  // what a failed run leaves behind does not stand in the way of the next
  expect(await source.fetch(store), told).toBe(0)
  expect(await store.verify(file), told).toBe(true)
  return { ...where, outcome, requests, needed }
}

async function countRequests({ fetch, front, path }: FaultSource): Promise<number> {
  front.clear()
  await fetch(await openStore(await mkdtemp(join(directory, 'store-'))))
  return front.seen.filter((request) => path.test(request.path)).length
}

function leaks({ message, hint, details }: StillroomError): string[] {
  const text = `${message}\n${hint}\n${JSON.stringify(details)}`
  return world.secrets.filter((secret) => text.includes(secret))
}

async function entries(store: Store): Promise<string[]> {
  const found: string[] = []
  for await (const { sha256 } of store.entries()) found.push(sha256)
  return found.sort()
}
