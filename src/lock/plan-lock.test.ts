import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Recipe } from '../recipe/schema.ts'
import { type LockPlan, type LockRequest, planLock, type StepPlan } from './plan-lock.ts'
import type { LockedApt, LockedPip, LockedPlatform, LockedProject } from './schema.ts'
import { imageBase, smallLock, smallRecipe } from './small-lock.test-data.ts'

// apt, pip, git, file, project, run
const locked = smallLock.platforms['linux/amd64'] as LockedPlatform
const [apt, pip] = locked.steps as [LockedApt, LockedPip]
const project = locked.steps[4] as LockedProject
const COUNT = locked.steps.length

const plan = (request: Partial<LockRequest> = {}): LockPlan =>
  planLock({
    name: 'small',
    recipe: smallRecipe,
    locked,
    changed: new Set(),
    upgrade: undefined,
    projects: new Map([[4, project]]),
    copies: new Map(),
    ...request,
  })

/** `base` and numbers of steps that are not kept as they are locked. */
const open = ({ base, steps }: LockPlan): string[] => [
  ...(base.action === 'keep' ? [] : [`base: ${base.action}`]),
  ...steps.flatMap((step) => (step.action === 'resolve' ? [step.step.kind] : [])),
]

describe('planLock()', () => {
  test.each<[string, Partial<LockRequest>, string[]]>([
    ['keeps all when nothing has changed', {}, []],
    [
      'resolves all when nothing is locked',
      { locked: undefined },
      ['base: resolve', 'apt', 'pip', 'git', 'file'],
    ],
    ['resolves all to upgrade all', { upgrade: 'all' }, ['base: resolve', 'apt', 'pip', 'git', 'file']],
    [
      'resolves all on another base',
      { changed: new Set(['base']) },
      ['base: resolve', 'apt', 'pip', 'git', 'file'],
    ],
    ['resolves what stands on a changed step', { changed: new Set(['steps[0]']) }, ['apt', 'pip']],
    ['keeps what a changed step stands on', { changed: new Set(['steps[1]']) }, ['pip']],
    ['takes a changed git step alone when nothing stands on it', { changed: new Set(['steps[2]']) }, ['git']],
    [
      'asks for the present indexes to move an apt package',
      { upgrade: ['python3'] },
      ['base: refresh', 'apt', 'pip'],
    ],
    ['moves a Python package with the indexes as they are', { upgrade: ['six'] }, ['pip']],
    ['finds a Python package by any spelling', { upgrade: ['pip:SIX'] }, ['pip']],
    ['minds nothing that decides no pin', { changed: new Set(['env', 'files["solver"]']) }, []],
  ])('%s', (_name, request, expected) => expect(open(plan(request))).toEqual(expected))

  test('lets a package that is asked for move, and no other', () => {
    expect(plan({ upgrade: ['six'] }).steps[1]).toEqual({
      action: 'resolve',
      step: smallRecipe.steps[1],
      constraints: {
        stay: [{ name: 'docopt', version: '0.6.2' }],
        beyond: [{ name: 'six', version: '1.16.0' }],
      },
      fallback: pip,
    })
  })

  test('holds all versions of a step that is resolved for a change below it', () => {
    const { steps } = plan({ changed: new Set(['steps[0]']) })
    expect(steps[0]).toMatchObject({
      constraints: { stay: [{ name: 'python3', version: '3.11.2-1+b1' }], beyond: [] },
    })
    expect((steps[1] as { constraints: object }).constraints).toEqual({
      stay: pip.files.map(({ name, version }) => ({ name, version })),
      beyond: [],
    })
  })

  test('holds nothing of a step that was of another kind', () => {
    const steps = [smallRecipe.steps[1], smallRecipe.steps[0]] as Recipe['steps']
    const swapped = plan({ recipe: { ...smallRecipe, steps }, changed: new Set(['steps[0]', 'steps[1]']) })
    expect(swapped.steps).toEqual(
      steps.map((step) => ({ action: 'resolve', step, constraints: { stay: [], beyond: [] } })),
    )
  })

  test('takes a project as it is committed now, and keeps what stands on it', () => {
    const newer = { ...project, tree: '9'.repeat(40) }
    const { steps } = plan({ projects: new Map([[4, newer]]) })
    expect(steps[4]).toEqual({ action: 'keep', locked: newer })
    expect(steps.every(({ action }) => action === 'keep')).toBe(true)
  })

  test("asks for a base image's indexes as soon as there is an apt step", () => {
    const onImage = { ...locked, base: imageBase }
    expect(plan({ locked: onImage }).base).toEqual({ action: 'refresh', locked: imageBase })
    const without = { ...smallRecipe, steps: [] }
    expect(plan({ locked: onImage, recipe: without }).base.action).toBe('keep')
  })

  test('names every package that no step has, and those of the base', () => {
    expect(() => plan({ upgrade: ['nobody', 'apt:dpkg', 'pip:python3', 'six'] })).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: 'cannot upgrade nobody, apt:dpkg, pip:python3: no step of the lock has it',
        hint: 'apt:dpkg belongs to the base, which moves as a whole: --upgrade without names',
      }),
    )
  })

  test('refuses to move a package when nothing is locked', () => {
    expect(() => plan({ locked: undefined, upgrade: ['six'] })).toThrow(
      expect.objectContaining({ code: 'LOCK_MISSING' }),
    )
  })

  const changes = fc.uniqueArray(fc.constantFrom(...Array.from({ length: COUNT }, (_, i) => `steps[${i}]`)))
  const upgrades = fc.uniqueArray(fc.constantFrom('six', 'docopt', 'python3'), { minLength: 1 })

  test('keeps no apt or pip step above one that is resolved, whatever changes', () => {
    fc.assert(
      fc.property(changes, fc.option(upgrades, { nil: undefined }), (fields, upgrade) => {
        const { steps } = plan({ changed: new Set(fields), upgrade })
        const first = steps.findIndex(({ action }) => action === 'resolve')
        const above = first === -1 ? [] : steps.slice(first)
        expect(above.filter(isKeptPackages)).toEqual([])
      }),
    )
  })

  test('holds or moves each locked package of a step, and never both', () => {
    fc.assert(
      fc.property(changes, upgrades, (fields, upgrade) => {
        for (const [index, step] of plan({ changed: new Set(fields), upgrade }).steps.entries()) {
          if (step.action === 'keep' || step.fallback === undefined) continue
          const { stay, beyond } = step.constraints
          const packages = index === 0 ? apt.packages : index === 1 ? pip.files : []
          const names = [...stay, ...beyond].map(({ name }) => name)
          expect(names.sort()).toEqual(packages.map(({ name }) => name).sort())
          expect(beyond.every(({ name }) => (upgrade as string[]).includes(name))).toBe(true)
        }
      }),
    )
  })
})

const isKeptPackages = (step: StepPlan) =>
  step.action === 'keep' && (step.locked.kind === 'apt' || step.locked.kind === 'pip')
