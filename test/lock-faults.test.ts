import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type FaultCase, faultCases } from './world/fault-cases.ts'
import { startWorld, type World } from './world/world.ts'

/** Without a fault the archive's key is none of Debian's. Where nothing is said for a minute, there is no waiting here. */
const EXPECTED: Record<string, string> = {
  'cut short': 'FETCH_FAILED',
  'cut short, as if complete': 'SIGNATURE_INVALID',
  'wrong bytes, right length': 'SIGNATURE_INVALID',
  'a login page instead': 'SIGNATURE_INVALID',
  '404': 'FETCH_FAILED',
  '403': 'FETCH_FAILED',
  '429, Retry-After 1 s': 'FETCH_FAILED',
  '503': 'FETCH_FAILED',
  reset: 'FETCH_FAILED',
  'slow drip': 'SIGNATURE_INVALID',
  'wrong certificate': 'FETCH_FAILED',
}

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: faults of sources, since ${possible}`)

let world: World
let directory: string
let cases: FaultCase[]

beforeAll(async () => {
  if (possible !== true) return
  world = await startWorld()
  directory = await mkdtemp(join(tmpdir(), 'stillroom-lock-faults-'))
  const stranger = await makeAuthority(join(directory, 'stranger'))
  cases = faultCases({
    own: await world.authority.issue(LOOPBACK_NAMES),
    stranger: await stranger.issue(LOOPBACK_NAMES),
  })
})
afterAll(async () => {
  await world?.close()
  if (directory !== undefined) await rm(directory, { recursive: true, force: true })
})

test.skipIf(possible !== true)('a lock that cannot be made again stays as it is', async () => {
  const codes = await Promise.all(
    Object.keys(EXPECTED).map(async (name) => {
      const fault = cases.find((each) => each.name === name)
      if (fault === undefined) throw new Error(`no fault "${name}"`)
      return [name, await lockThrough(fault)]
    }),
  )
  expect(Object.fromEntries(codes)).toEqual(EXPECTED)
})

/** Locks hello again where every signed index meets the fault; gives the code of the error. */
async function lockThrough(fault: FaultCase): Promise<string> {
  const front = await world.startFront(world.apt)
  fault.begin(front, /InRelease$/, 'always')
  const project = await copyProject('hello')
  const read = () =>
    Promise.all(
      ['recipes/hello/lock.json', 'generated/hello/Dockerfile'].map((path) => readFile(join(project, path))),
    )
  const before = await read()
  const { exitCode, stdout, stderr } = await stillroom(
    project,
    ['lock', 'recipe', 'hello', '--upgrade', '--json'],
    {
      env: {
        ...world.env,
        STILLROOM_DEBIAN: `${front.url}/debian`,
        STILLROOM_DEBIAN_SECURITY: `${front.url}/debian-security`,
      },
    },
  )
  expect(exitCode, `${fault.name}: ${stdout}${stderr}`).toBe(3)
  expect(await read(), fault.name).toEqual(before)
  expect(world.secrets.filter((secret) => `${stdout}${stderr}`.includes(secret))).toEqual([])
  return JSON.parse(stdout).error.code
}
