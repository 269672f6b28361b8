import { describe, expect, test } from 'vitest'
import { StillroomError } from '../../error.ts'
import { lockInputs } from '../../lock/lock-inputs.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import {
  type LockPlan,
  planLock,
  type ResolvableStep,
  type StepPlan,
  UNCONSTRAINED,
  type VersionConstraints,
} from '../../lock/plan-lock.ts'
import type { LockedPlatform, LockedStep } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { Recipe } from '../../recipe/schema.ts'
import { openIndexes } from '../../resolve/apt/resolve-apt.ts'
import type { IndexRelay } from '../../resolve/python/index-relay.ts'
import {
  keepStub,
  type Recorded,
  readRecorded,
  replay,
  SUITES,
} from '../../resolve/recorded-sandbox.fixture.ts'
import { carryOutPlan, type LockResolvers } from './carry-out-plan.ts'

const locked = smallLock.platforms['linux/amd64'] as LockedPlatform
const [apt, pip, git, file] = locked.steps as [LockedStep, LockedStep, LockedStep, LockedStep]

interface Asked {
  resolvers: LockResolvers
  /** Kinds of the steps before each image that was built. */
  built: string[][]
  notes: string[]
  networks: string[]
}

/** Resolvers of a suite that answer as they were recorded, one scenario for each container. */
function resolversOf({ apt, python }: { apt: Recorded; python: Recorded }, ...scenarios: string[]): Asked {
  const built: string[][] = []
  const notes: string[] = []
  const networks: string[] = []
  const resolvers: LockResolvers = {
    base: async () => locked.base,
    git: async () => git,
    file: async () => file,
    withImageBefore: (before, _next, use) => {
      built.push(before.steps.map(({ kind }) => kind))
      return use((network, resolve) => {
        networks.push(network)
        const name = scenarios.shift() ?? ''
        return resolve(replay(apt.scenarios[name] ?? python.scenarios[name]))
      })
    },
    aptIndexes: async () =>
      apt.indexes.map(({ index, packages }) => {
        return { index, inRelease: Buffer.from(''), packages: Buffer.from(packages) }
      }),
    suiteIndex: async () => [],
    pipSettings: async () => ({ settings: {}, environment: {}, certificates: undefined, keep: keepStub }),
    note: (text) => notes.push(text),
  }
  return { resolvers, built, notes, networks }
}

const resolve = (
  step: ResolvableStep,
  constraints: VersionConstraints = UNCONSTRAINED,
  fallback?: LockedStep,
): StepPlan => ({ action: 'resolve', step, constraints, ...(fallback ? { fallback } : {}) })
const pipStep = (...requirements: string[]) => ({ kind: 'pip' as const, requirements, sdists: {} })
const aptStep = (...packages: string[]) => ({ kind: 'apt' as const, packages, recommends: false })
const planOf = (...steps: StepPlan[]): LockPlan => ({
  base: { action: 'keep', locked: locked.base },
  steps,
  layout: 'layers',
})

describe.each(SUITES)('carryOutPlan() with the programs of %s', async (suite) => {
  const recorded = {
    apt: await readRecorded('apt', suite),
    python: await readRecorded('python', suite),
  }

  test('gives a lock that reads back as it is, each step resolved on top of those before it', async () => {
    const asked = resolversOf(recorded, 'one package with what it needs', 'a wheel, and one that is there')
    const recipe = Recipe.parse({
      base: { kind: 'debian', suite: 'bookworm' },
      steps: [
        aptStep('jq'),
        { kind: 'git', url: 'https://git.example.org/a.git', ref: 'v1', to: '/a' },
        pipStep('cowsay==6.1', 'wheel'),
        { kind: 'file', url: 'https://example.org/mesh', to: '/mesh' },
        { kind: 'run', command: ['true'] },
      ],
    })
    const changed = new Set<string>()
    const plan = planLock({
      name: 'tiny',
      recipe,
      locked: undefined,
      changed,
      upgrade: undefined,
      projects: new Map(),
      copies: new Map(),
    })
    const platform = await carryOutPlan(plan, asked.resolvers)
    expect(platform.steps.map(({ kind }) => kind)).toEqual(['apt', 'git', 'pip', 'file', 'run'])
    expect(platform.image).toBeNull()
    expect(platform.epoch).toBe(1_700_000_000)
    expect(asked.built).toEqual([[], ['apt', 'git']])
    expect(asked.networks).toEqual(['none', 'host'])
    expect(asked.notes).toEqual([])
    const inputs = lockInputs(recipe)
    const text = serializeLock({ ...smallLock, inputs, platforms: { 'linux/amd64': platform } })
    expect(serializeLock(parseLock(text, 'lock.json'))).toBe(text)
  })

  test('gives pip the indexes themselves where they cannot be shown to it otherwise, and says why', async () => {
    const scenario = 'a wheel, and one that is there'
    const direct = resolversOf(recorded, scenario)
    const plan = planOf(resolve(pipStep('cowsay==6.1', 'wheel')))
    const expected = await carryOutPlan(plan, direct.resolvers)
    const asked = resolversOf(recorded, scenario, scenario)
    const relay: IndexRelay = {
      isReachable: () =>
        Promise.reject(new StillroomError('FETCH_FAILED', 'cannot read https://me:s3cret@index.example.org')),
      settingsFor: () => ({}),
      expect: () => {},
      findKept: async () => undefined,
      check: () => {},
      [Symbol.asyncDispose]: async () => {},
    }
    const { pipSettings } = asked.resolvers
    asked.resolvers.pipSettings = async (before) => ({ ...(await pipSettings(before)), relay })
    expect(await carryOutPlan(plan, asked.resolvers)).toEqual(expected)
    expect(asked.networks).toEqual(['host', 'host'])
    expect(asked.notes).toEqual([
      'pip is given the indexes themselves: cannot read https://***@index.example.org',
    ])
  })

  test('lets the version go that is in the way, and says so', async () => {
    const asked = resolversOf(recorded, 'a version that cannot stay', 'the same when it may move')
    const constraints = { stay: [{ name: 'idna', version: '3.2' }], beyond: [] }
    const { steps } = await carryOutPlan(
      planOf(resolve(pipStep('requests==2.25.1'), constraints)),
      asked.resolvers,
    )
    expect(steps).toMatchObject([
      {
        kind: 'pip',
        files: expect.arrayContaining([expect.objectContaining({ name: 'idna', version: '2.10' })]),
      },
    ])
    expect(asked.notes).toEqual(['these packages must change version: idna'])
    expect(asked.built).toHaveLength(1)
  })

  test('fails only when the search for the sources of pip has ended, too, and with the error that came first', async () => {
    const asked = resolversOf(recorded)
    const sources = Promise.withResolvers<never>()
    asked.resolvers.pipSettings = () => sources.promise
    asked.resolvers.withImageBefore = () => Promise.reject(new StillroomError('ENGINE_MISSING', 'no engine'))
    let ended = false
    const outcome = carryOutPlan(planOf(resolve(pipStep('six'))), asked.resolvers).finally(() => {
      ended = true
    })
    const rejected = expect(outcome).rejects.toMatchObject({ code: 'ENGINE_MISSING' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).toBe(false)
    sources.reject(new Error('no sources'))
    await rejected
  })

  test('leaves wheels in the layers that they have, but of a step that cleans up, or a recipe of one layer', async () => {
    const scenario = 'a wheel, and one that is there'
    const step = pipStep('cowsay==6.1', 'wheel')
    const layersOf = async (given: ResolvableStep, layout: LockPlan['layout']) => {
      const { resolvers } = resolversOf(recorded, scenario)
      const files = pip.kind === 'pip' ? pip.files : []
      const earlier = { ...pip, files: files.map((file) => ({ ...file, name: 'cowsay', layer: 4 })) }
      const plan = planOf(resolve(given, UNCONSTRAINED, earlier as LockedStep))
      const { steps } = await carryOutPlan({ ...plan, layout }, resolvers)
      return steps.flatMap((each) => (each.kind === 'pip' ? each.files.map(({ layer }) => layer) : []))
    }
    expect(await layersOf(step, 'layers')).toEqual([4])
    expect(await layersOf(step, 'flat')).toEqual([undefined])
    expect(await layersOf({ ...step, after: 'rm -rf /usr/local/share' }, 'layers')).toEqual([undefined])
  })

  test('reports wrong names of all apt steps before anything is built', async () => {
    const asked = resolversOf(recorded)
    const plan = planOf(resolve(aptStep('jq')), resolve(pipStep('x')), resolve(aptStep('jqq', 'jq=0')))
    await expect(carryOutPlan(plan, asked.resolvers)).rejects.toMatchObject({
      code: 'APT_PACKAGE_UNKNOWN',
      message: expect.stringMatching(
        /steps\[2\] "jqq": no index has it; nearest: jq[\s\S]*steps\[2\] "jq=0": no index has this version; available: 1\./,
      ),
    })
    expect(asked.built).toEqual([])
  })

  test('says of a package that no index has where else it is', async () => {
    const asked = resolversOf(recorded)
    const packages = (await openIndexes(await asked.resolvers.aptIndexes(locked.base))).packages
    const resolvers: LockResolvers = {
      ...asked.resolvers,
      aptIndexes: async () => [],
      otherPackages: async () => ({
        base: { kind: 'debian', suite: 'bookworm' },
        indexes: [{ suite: 'bookworm', component: 'non-free', packages }],
      }),
    }
    await expect(carryOutPlan(planOf(resolve(aptStep('jq'))), resolvers)).rejects.toMatchObject({
      code: 'APT_PACKAGE_UNKNOWN',
      message: expect.stringContaining('component "non-free" of bookworm has jq'),
      hint: "write base: debian('bookworm', { components: ['non-free'] }) in the recipe",
    })
  })

  test('falls back to what is locked when nothing newer fits', async () => {
    const asked = resolversOf(recorded, 'nothing newer')
    const constraints = { stay: [], beyond: [{ name: 'cowsay', version: '6.0' }] }
    const plan = planOf(resolve(pipStep('cowsay<6'), constraints, pip))
    const { steps } = await carryOutPlan(plan, asked.resolvers)
    expect(steps).toEqual([pip])
    expect(asked.notes).toEqual(['nothing newer than cowsay 6.0 fits what the recipe asks for'])
  })

  test.each([
    ['apt', 'packages that conflict', aptStep('systemd-sysv', 'sysvinit-core'), apt, 'APT_UNRESOLVABLE'],
    ['pip', 'an unknown version', pipStep('cowsay==99'), pip, 'PIP_PACKAGE_UNKNOWN'],
  ])('fails with what %s says when nothing was to move', async (_kind, scenario, step, pinned, code) => {
    const { resolvers } = resolversOf(recorded, scenario)
    const plan = planOf(resolve(step, UNCONSTRAINED, pinned))
    await expect(carryOutPlan(plan, resolvers)).rejects.toMatchObject({ code })
  })
})

test('carryOutPlan() asks nobody when all is kept', async () => {
  const plan = planOf(...locked.steps.map((step): StepPlan => ({ action: 'keep', locked: step })))
  const none = new Proxy({} as LockResolvers, {
    get: (_, name) => {
      throw new Error(`asked for ${String(name)}`)
    },
  })
  expect(await carryOutPlan(plan, none)).toEqual({ ...locked, image: null })
})
