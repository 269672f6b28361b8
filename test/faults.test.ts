import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type FaultCase, faultCases, type Times } from './world/fault-cases.ts'
import { type FaultSource, faultSources } from './world/fault-sources.ts'
import { type Cell, faultTable } from './world/fault-table.ts'
import {
  cutShort,
  cutSilently,
  forbidden,
  notFound,
  otherBytes,
  reset,
  sound,
  tooMany,
  unavailable,
  wrongBytes,
} from './world/faults.ts'
import { startWorld, type World } from './world/world.ts'

/** A run's, but with less patience: the servers are near. */
const TIMING = { retries: 2, backoff: 10, stall: 2000 }
/** Nothing is asked for twice, however long an answer takes. */
const PATIENT = { retries: 0, stall: 60_000 }

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: faults of sources, since ${possible}`)

let world: World
let directory: string
let cases: FaultCase[]
let sources: FaultSource[]
/** How many requests each takes without a fault. */
let needed: Map<string, number>

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
  needed = new Map()
  for (const source of await faultSources(world, PATIENT))
    needed.set(source.name, await countRequests(source))
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
    const ended = await Promise.allSettled(
      sources.map(async (source) => {
        for (const fault of cases) {
          const first = !fault.ofConnection && !(fault.subtle && source.asksFirst)
          if (first) cells.push(await meet(source, fault, 'once'))
          cells.push(await meet(source, fault, 'always'))
        }
      }),
    )
    const failed = ended.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    const table = faultTable(
      cases.map(({ name }) => name),
      sources.map(({ name }) => name),
      cells,
    )
    await expect(table).toMatchFileSnapshot('../docs/faults.md')
  },
)

it.skipIf(possible !== true)(
  'faults in any order: what may pass is overcome, and nothing wrong is kept',
  async () => {
    const source = sources.find(({ name }) => name === 'download')
    if (source === undefined) throw new Error('there is no download among the sources')
    const passing = [cutShort(50), cutShort(3000), cutSilently(2000), tooMany(0), unavailable, reset]
    // what passed lies before the middle, where the wrong byte is
    const lasting = [
      wrongBytes,
      notFound,
      forbidden,
      otherBytes(Buffer.from('<html>')),
      otherBytes(Buffer.alloc(50_000)),
    ]
    const law = fc.asyncProperty(
      // as many as there are tries after the first
      fc.array(fc.constantFrom(...passing), { maxLength: TIMING.retries }),
      fc.option(fc.constantFrom(...lasting), { nil: undefined }),
      async (before, last) => {
        const store = await openStore(await mkdtemp(join(directory, 'store-')))
        source.front.clear()
        source.front.on(source.path, ...before, last ?? sound)
        const outcome = await source.fetch(store).catch((error) => error)
        if (last === undefined) expect(outcome).toBe(0)
        else expect(outcome).toMatchObject({ name: 'StillroomError', exitCode: 3 })
        expect(await entries(store)).toEqual(last === undefined ? [source.file.sha256] : [])
        source.front.clear()
        expect(await source.fetch(store)).toBe(0)
        expect(await store.verify(source.file)).toBe(true)
      },
    )
    await fc.assert(law, { numRuns: 60 })
  },
)

/** Fetches through a fault into a store that holds one other file, then once more without. */
async function meet(source: FaultSource, fault: FaultCase, times: Times): Promise<Cell> {
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
  const wanted = [bystander.sha256, ...kept].sort()
  if (source.keepsAny) expect(await entries(store), told).toEqual(expect.arrayContaining(wanted))
  else expect(await entries(store), told).toEqual(wanted)
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
  const resumed = front.seen.some(
    ({ path: asked, headers }) => path.test(asked) && headers.range !== undefined,
  )
  return { ...where, outcome, requests, needed: needed.get(source.name) ?? 0, resumed }
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
