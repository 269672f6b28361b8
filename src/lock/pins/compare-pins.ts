import type { Base, Recipe, Step } from '../../recipe/schema.ts'
import { compareCodeUnits, type Json } from '../canonical-json.ts'
import type { InputChange } from '../compare-inputs.ts'
import { projectFile } from '../lock-inputs.ts'
import { newestDate } from '../newest-date.ts'
import type { LockedBase, LockedPlatform, LockedStep, LockInputs } from '../schema.ts'
import { compareArchives, compareReference, compareSuite } from './base-pins.ts'
import { comparePackages } from './debian-pins.ts'
import { type Contradiction, NOT_LOCKED, type Rules, type Surroundings, unequal } from './pin.ts'
import {
  compareConstraints,
  compareIndexes,
  compareLocal,
  compareRequirements,
  compareSources,
} from './pip-pins.ts'

type OfKind<Part extends { kind: string }, Kind> = Extract<Part, { kind: Kind }>

const BASES: { [Kind in Base['kind']]: Rules<OfKind<Base, Kind>, OfKind<LockedBase, Kind>> } = {
  debian: { suite: compareSuite, components: NOT_LOCKED, backports: NOT_LOCKED },
  image: { reference: compareReference },
  recipe: { name: ({ name }, pinned) => unequal('recipe', pinned.recipe, name) },
}

const STEPS: { [Kind in Step['kind']]: Rules<OfKind<Step, Kind>, OfKind<LockedStep, Kind>> } = {
  apt: { packages: comparePackages, recommends: NOT_LOCKED, after: NOT_LOCKED },
  pip: {
    requirements: compareRequirements,
    constraints: compareConstraints,
    indexes: compareIndexes,
    // their texts are inputs of their own
    files: NOT_LOCKED,
    constraintFiles: NOT_LOCKED,
    local: compareLocal,
    sdists: compareSources,
    after: NOT_LOCKED,
  },
  git: {
    url: (step, pinned) => unequal('url', pinned.url, step.url),
    ref: ({ ref }, { commit }) => (COMMIT.test(ref) ? unequal('commit', commit, ref) : []),
    to: NOT_LOCKED,
    subdir: NOT_LOCKED,
    submodules: (step, pinned) => (step.submodules ? [] : unwanted('submodules', pinned.submodules)),
    lfs: (step, pinned) => (step.lfs ? [] : unwanted('lfs', pinned.lfs)),
  },
  copy: {
    from: (step, pinned) => unequal('recipe', pinned.recipe, step.from.name),
    // links in it are resolved
    path: NOT_LOCKED,
    to: NOT_LOCKED,
  },
  file: {
    url: (step, pinned) => unequal('url', pinned.url, step.url),
    sha256: (step, pinned) =>
      step.sha256 === undefined ? [] : unequal('sha256', pinned.sha256, step.sha256),
    to: NOT_LOCKED,
    unpack: NOT_LOCKED,
    strip: NOT_LOCKED,
    mode: NOT_LOCKED,
  },
  project: {
    path: (step, { tree }, { inputs }) =>
      unequal('tree', tree, inputs[`files[${JSON.stringify(projectFile(step))}]`]),
    to: NOT_LOCKED,
    exclude: ({ exclude }, { part }) =>
      unequal(
        'exclude',
        part && JSON.stringify(part.exclude),
        exclude && JSON.stringify(exclude.toSorted(compareCodeUnits)),
      ),
  },
  run: { command: NOT_LOCKED },
}

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * Every pin that is not what the recipe writes down: none in a lock that stillroom made of it.
 *
 * @param inputs of the recipe: for the trees of its projects
 */
export function comparePins(recipe: Recipe, { fields }: LockInputs, locked: LockedPlatform): InputChange[] {
  const { base, steps, epoch } = locked
  const debian = new Map(debianVersions(base))
  const archives = new Set(base.indexes.map(({ archive }) => archive))
  const around = { debian, archives, inputs: fields }
  const found = [
    ...unequal('epoch', epoch, newestDate(base)),
    ...below('base', applyRules(BASES, recipe.base, base, around)),
    // the archives of one that stands on another recipe are that one's
    ...(base.kind === 'recipe' ? [] : below('base', compareArchives(recipe.archives, base.indexes))),
  ]
  const count = Math.max(recipe.steps.length, steps.length)
  for (let index = 0; index < count; index++) {
    const [step, pinned] = [recipe.steps[index], steps[index]]
    if (pinned?.kind === 'apt') for (const { name, version } of pinned.packages) debian.set(name, version)
    found.push(...below(`steps[${index}]`, applyRules(STEPS, step, pinned, around)))
  }
  return found.map(({ field, locked, wanted }) => ({ field, expected: locked, actual: wanted }))
}

function below(place: string, contradictions: readonly Contradiction[]): Contradiction[] {
  return contradictions.map((one) => ({ ...one, field: `${place}.${one.field}` }))
}

type AnyRules = Readonly<
  Record<string, Record<string, (part: never, pinned: never, around: Surroundings) => Contradiction[]>>
>

/** The rules of a kind for a part of that kind and a pin of that kind; two kinds contradict each other. */
function applyRules(
  rules: AnyRules,
  part: Base | Step | undefined,
  pinned: LockedBase | LockedStep | undefined,
  around: Surroundings,
): Contradiction[] {
  if (part === undefined || pinned === undefined || part.kind !== pinned.kind)
    return unequal('kind', pinned?.kind, part?.kind)
  return Object.values(rules[part.kind] ?? {}).flatMap((rule) => rule(part as never, pinned as never, around))
}

function debianVersions(base: LockedBase): [name: string, version: string][] {
  const packages =
    base.kind === 'debian' ? base.packages : base.inventory.filter(({ kind }) => kind === 'deb')
  return packages.map(({ name, version }) => [name, version])
}

function unwanted(field: string, pins: readonly Json[]): Contradiction[] {
  return pins.length === 0 ? [] : [{ field, locked: [...pins], wanted: [] }]
}
