import { compareCodeUnits } from './canonical-json.ts'
import type { LockedBase, LockedPlatform, LockedStep, Lockfile, PythonFile } from './schema.ts'

/**
 * The lock as a reader of its file gets it: every list whose order means nothing is sorted by code unit.
 * Steps and layers keep their order. What is built must be built from this form.
 */
export function normalizeLock(lock: Lockfile): Lockfile {
  const platforms = Object.entries(lock.platforms).map(([name, platform]) => [
    name,
    normalizePlatform(platform),
  ])
  return { ...lock, platforms: Object.fromEntries(platforms) as Lockfile['platforms'] }
}

/** What is locked for one platform, as {@link normalizeLock} has it. */
export function normalizePlatform(platform: LockedPlatform): LockedPlatform {
  const { recipes } = platform
  const others = Object.entries(recipes ?? {}).map(([name, other]) => [
    name,
    { ...other, ...normalizePins(other) },
  ])
  return {
    ...platform,
    ...normalizePins(platform),
    ...(recipes === undefined ? {} : { recipes: Object.fromEntries(others) as typeof recipes }),
  }
}

function normalizePins({ base, steps }: Pick<LockedPlatform, 'base' | 'steps'>) {
  return { base: normalizeBase(base), steps: steps.map(normalizeStep) }
}

function normalizeBase(base: LockedBase): LockedBase {
  const indexes = sortBy(
    base.indexes.map((index) => ({ ...index, signedBy: index.signedBy.toSorted(compareCodeUnits) })),
    ['archive', 'suite', 'component', 'release'],
  )
  if (base.kind !== 'debian') {
    const inventory = sortBy(base.inventory, ['kind', 'environment', 'name', 'version', 'architecture'])
    const { configuration } = base
    const { expose, volumes } = configuration
    return {
      ...base,
      configuration: {
        ...configuration,
        expose: expose.toSorted(compareCodeUnits),
        volumes: volumes.toSorted(compareCodeUnits),
      },
      indexes,
      inventory,
    }
  }
  return {
    ...base,
    indexes,
    seed: base.seed.toSorted(compareCodeUnits),
    packages: sortBy(base.packages, PACKAGE_ORDER),
  }
}

function normalizeStep(step: LockedStep): LockedStep {
  switch (step.kind) {
    case 'apt':
      return { ...step, packages: sortBy(step.packages, PACKAGE_ORDER) }
    case 'pip':
      return {
        ...step,
        files: sortBy(step.files, FILE_ORDER),
        build: Object.fromEntries(
          Object.entries(step.build).map(([name, files]) => [name, sortFiles(files)]),
        ),
        provided: sortBy(step.provided, ['name', 'version']),
      }
    case 'git':
      return {
        ...step,
        submodules: sortBy(step.submodules, ['path']),
        lfs: sortBy(step.lfs, ['path']),
      }
    case 'project':
      return step.part === undefined
        ? step
        : { ...step, part: { ...step.part, exclude: step.part.exclude.toSorted(compareCodeUnits) } }
    case 'file':
    case 'copy':
    case 'run':
      return step
  }
}

const PACKAGE_ORDER = ['name', 'version', 'architecture', 'path', 'sha256'] as const
const FILE_ORDER = ['name', 'version', 'file', 'sha256'] as const

const sortFiles = (files: PythonFile[]) => sortBy(files, FILE_ORDER)

function sortBy<T>(items: readonly T[], keys: readonly (keyof T)[]): T[] {
  return items.toSorted((a, b) => {
    for (const key of keys) {
      const order = compareCodeUnits(String(a[key] ?? ''), String(b[key] ?? ''))
      if (order !== 0) return order
    }
    return 0
  })
}
