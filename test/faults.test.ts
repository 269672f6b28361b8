import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { fetchArtifacts } from '../src/store/fetch-artifacts.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type FaultCase, faultCases, type Times } from './world/fault-cases.ts'
import { type FaultSource, faultSources } from './world/fault-sources.ts'
import { type Cell, faultTable } from './world/fault-table.ts'
import { startWorld, type World } from './world/world.ts'

/** A run's, but with less patience: the servers are near. */
const TIMING = { retries: 2, backoff: 10, stall: 2000 }

let world: World
let directory: string
let cases: FaultCase[]
let sources: FaultSource[]

beforeAll(async () => {
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

it('each fault at each source ends as docs/faults.md says', { timeout: 120_000 }, async () => {
  const cells: Cell[] = []
  // each source has a front of its own; one source after another would take minutes
  await Promise.all(
    sources.map(async (source) => {
      for (const fault of cases) {
        if (!fault.onlyAlways) cells.push(await meet(source, fault, 'once'))
        cells.push(await meet(source, fault, 'always'))
      }
    }),
  )
  const table = faultTable(
    cases.map(({ name }) => name),
    sources.map(({ name }) => name),
    cells,
  )
  await expect(table).toMatchFileSnapshot('../docs/faults.md')
})

/** Fetches through a fault into a store that holds one other file, then once more without. */
async function meet(source: FaultSource, fault: FaultCase, times: Times): Promise<Cell> {
  const { artifact, front, path } = source
  const store = await openStore(await mkdtemp(join(directory, 'store-')))
  const bystander = await store.put(Buffer.from('a file that was there before'))
  const where = { source: source.name, fault: fault.name, times }

  front.clear()
  fault.begin(front, path, times)
  const outcome = await fetchOnce(source, store)
  const requests = front.seen.filter((request) => path.test(request.path))
  fault.end?.(front)
  front.clear()

  const kept = outcome instanceof StillroomError ? [] : [artifact.sha256]
  expect(await entries(store), JSON.stringify(where)).toEqual([bystander.sha256, ...kept].sort())
  expect(await store.verify(bystander)).toBe(true)
  // what a failed run leaves behind does not stand in the way of the next
  expect(await fetchOnce(source, store), JSON.stringify(where)).toMatchObject({ damaged: [], overcome: [] })
  expect(await store.verify(artifact)).toBe(true)
  return { ...where, outcome, requests }
}

async function fetchOnce({ artifact, locate }: FaultSource, store: Store) {
  try {
    return await fetchArtifacts([artifact], { store, locate: locate(), timing: TIMING })
  } catch (error) {
    if (error instanceof StillroomError) return error
    throw error
  }
}

async function entries(store: Store): Promise<string[]> {
  const found: string[] = []
  for await (const { sha256 } of store.entries()) found.push(sha256)
  return found.sort()
}
