import { checkText } from '../recipe/check-recipe.ts'
import { canonicalJson, type Json } from './canonical-json.ts'
import { inputsChecksum } from './lock-inputs.ts'
import { lockIdentity, sourceNames } from './other-recipes.ts'
import type {
  DebianPackage,
  LockedApt,
  LockedBase,
  LockedDebianBase,
  LockedPlatform,
  LockedRecipe,
  LockedStep,
  Lockfile,
  LockInputs,
  PythonFile,
} from './schema.ts'

/** Something in a lock that its schema can't express. */
export interface LockIssue {
  path: string
  reason: string
}

/**
 * What contradicts itself in a lock, or reads otherwise than it is: the checksum of its inputs, a base or a step of another kind than the
 * recipe's, an entry given twice, one sha256 with two sizes. None for a lock that stillroom wrote.
 */
export function checkLock(lock: Lockfile): LockIssue[] {
  const { fields } = lock.inputs
  return [
    ...checkInputs('inputs', lock.inputs),
    ...checkText(lock.platforms, ['platforms']),
    ...Object.entries(lock.platforms).flatMap(([name, platform]) =>
      checkPlatform(`platforms[${JSON.stringify(name)}]`, platform, fields),
    ),
  ]
}

function checkInputs(path: string, { checksum, fields }: LockInputs): LockIssue[] {
  const actual = inputsChecksum(fields)
  if (checksum === actual) return []
  const reason = `expected "${actual}" (of the fields below it), actual "${checksum}"`
  return [{ path: `${path}.checksum`, reason }]
}

function checkPlatform(path: string, platform: LockedPlatform, fields: Record<string, unknown>): LockIssue[] {
  return [...checkPins(path, platform, fields), ...checkOthers(path, platform, fields)]
}

type Pins = Pick<LockedPlatform, 'base' | 'steps'>

function checkPins(path: string, platform: Pins, fields: Record<string, unknown>): LockIssue[] {
  const { base, steps } = platform
  return [
    ...differs(`${path}.base.kind`, get(fields.base, 'kind'), base.kind),
    ...(base.kind === 'recipe' ? differs(`${path}.base.recipe`, get(fields.base, 'name'), base.recipe) : []),
    ...(base.kind === 'debian' ? checkDebianBase(`${path}.base`, base, fields) : []),
    ...checkKinds(`${path}.steps`, steps, fields),
    ...twice(
      `${path}.base.indexes`,
      base.indexes,
      (index) => `${index.archive} ${index.suite} ${index.component} ${index.release}`,
    ),
    ...base.indexes.flatMap((index, i) =>
      twice(`${path}.base.indexes[${i}].signedBy`, index.signedBy, String),
    ),
    ...steps.flatMap((step, i) => checkStep(`${path}.steps[${i}]`, step)),
    ...checkSizes(path, platform),
  ]
}

/** The recipes that steps name are there, and no others, without a circle, and the pins of each are as good as this lock's own. */
function checkOthers(
  path: string,
  { base, steps, recipes = {} }: LockedPlatform,
  fields: Record<string, unknown>,
): LockIssue[] {
  const used = new Set<string>()
  const circles: LockIssue[] = []
  const visit = (names: readonly string[], above: readonly string[]) => {
    for (const name of names) {
      const other = recipes[name]
      if (above.includes(name)) {
        circles.push({ path: `${path}.recipes`, reason: `circle: ${[...above, name].join(' -> ')}` })
        continue
      }
      if (used.has(name)) continue
      used.add(name)
      visit(other === undefined ? [] : sourceNames(other), [...above, name])
    }
  }
  visit(sourceNames({ base, steps }), [])
  const missing = [...used].filter((name) => recipes[name] === undefined)
  const extra = Object.keys(recipes).filter((name) => !used.has(name))
  const broken = circles.length + missing.length + extra.length > 0
  return [
    ...missing.map((name) => ({ path: `${path}.recipes`, reason: `"${name}" is missing` })),
    ...extra.map((name) => ({ path: `${path}.recipes`, reason: `"${name}" is used by nothing` })),
    ...circles,
    ...Object.entries(recipes).flatMap(([name, { inputs, ...other }]) => {
      const place = `${path}.recipes[${JSON.stringify(name)}]`
      return [...checkInputs(`${place}.inputs`, inputs), ...checkPins(place, other, inputs.fields)]
    }),
    ...(broken ? [] : sourceNames({ base, steps })).flatMap((name) => {
      const field = `recipes[${JSON.stringify(name)}]`
      const actual = lockIdentity({ ...(recipes[name] as LockedRecipe), recipes })
      if (canonicalJson(actual) === canonicalJson(fields[field] as Json)) return []
      return [{ path: `${path}.${field}`, reason: 'is not the lock that inputs name' }]
    }),
  ]
}

function checkDebianBase(
  path: string,
  { suite, seed, packages }: LockedDebianBase,
  fields: Record<string, unknown>,
): LockIssue[] {
  const names = new Set(packages.map(({ name }) => name))
  return [
    ...differs(`${path}.suite`, get(fields.base, 'suite'), suite),
    ...twice(`${path}.seed`, seed, String),
    ...seed
      .filter((name) => !names.has(name))
      .map((name) => ({ path: `${path}.seed`, reason: `"${name}" is not among the base's packages` })),
    ...checkPackages(`${path}.packages`, packages),
  ]
}

function checkKinds(path: string, steps: LockedStep[], fields: Record<string, unknown>): LockIssue[] {
  const count = Object.keys(fields).filter((name) => /^steps\[\d+\]$/.test(name)).length
  if (count !== steps.length)
    return [{ path, reason: `expected ${count} steps as in inputs, actual ${steps.length}` }]
  return steps.flatMap((step, i) => {
    const field = fields[`steps[${i}]`]
    return [
      ...differs(`${path}[${i}].kind`, get(field, 'kind'), step.kind),
      ...(step.kind === 'copy'
        ? differs(`${path}[${i}].recipe`, get(get(field, 'from'), 'name'), step.recipe)
        : []),
    ]
  })
}

function checkStep(path: string, step: LockedStep): LockIssue[] {
  if (step.kind === 'apt') {
    return [...checkPackages(`${path}.packages`, step.packages), ...checkOrder(`${path}.order`, step)]
  }
  if (step.kind !== 'pip') return []
  const installed = new Set(step.files.map(({ name }) => name))
  return [
    ...checkFiles(`${path}.files`, step.files),
    ...step.files
      .filter(({ file, layer }) => layer !== undefined && !file.endsWith('.whl'))
      .map(({ name }) => ({ path: `${path}.files`, reason: `"${name}" is no wheel, and has a layer` })),
    ...Object.entries(step.build).flatMap(([name, files]) =>
      checkFiles(`${path}.build[${JSON.stringify(name)}]`, files),
    ),
    ...twice(`${path}.provided`, step.provided, ({ name }) => name),
    ...step.provided
      .filter(({ name }) => installed.has(name))
      .map(({ name }) => ({ path: `${path}.provided`, reason: `"${name}" is also among the files` })),
  ]
}

/** Each package is unpacked once and configured once. */
function checkOrder(path: string, { packages, order }: LockedApt): LockIssue[] {
  const names = packages.map(({ name }) => name).sort()
  return ['unpack', 'configure'].flatMap((verb) => {
    const done = order
      .filter((action) => action.startsWith(`${verb} `))
      .flatMap((action) => action.split(' ').slice(1))
    if (done.sort().join(' ') === names.join(' ')) return []
    return [{ path, reason: `must ${verb} each of the packages once` }]
  })
}

/** A system has one version of a package installed, so a list has one entry a name. */
function checkPackages(path: string, packages: DebianPackage[]): LockIssue[] {
  return twice(path, packages, ({ name }) => name)
}

function checkFiles(path: string, files: PythonFile[]): LockIssue[] {
  return twice(path, files, ({ name }) => name)
}

function checkSizes(path: string, { base, steps }: Pins): LockIssue[] {
  const artifacts = [base, ...steps].flatMap(artifactsOf)
  const sizes = new Map<string, number>()
  return artifacts.flatMap(({ sha256, size }) => {
    const known = sizes.get(sha256) ?? size
    sizes.set(sha256, known)
    return known === size ? [] : [{ path, reason: `sha256 ${sha256} has two sizes: ${known} and ${size}` }]
  })
}

function twice<T>(path: string, items: readonly T[], key: (item: T) => string): LockIssue[] {
  const seen = new Set<string>()
  return items.flatMap((item) => {
    const name = key(item)
    if (seen.has(name)) return [{ path, reason: `"${name}" is there twice` }]
    seen.add(name)
    return []
  })
}

function differs(path: string, expected: unknown, actual: string): LockIssue[] {
  if (expected === actual) return []
  return [
    { path, reason: `expected ${JSON.stringify(expected) ?? 'nothing'} as in inputs, actual "${actual}"` },
  ]
}

function get(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function artifactsOf(part: LockedBase | LockedStep): { sha256: string; size: number }[] {
  switch (part.kind) {
    case 'debian':
    case 'apt':
      return part.packages
    case 'image':
      return part.layers.map(({ digest, size }) => ({ sha256: digest.slice('sha256:'.length), size }))
    case 'pip':
      return [...part.files, ...Object.values(part.build).flat()]
    case 'git':
    case 'file':
      return [part]
    case 'recipe':
    case 'project':
    case 'copy':
    case 'run':
      return []
  }
}
