import { lockInputs } from '../../src/lock/lock-inputs.ts'
import type { DebianPackage, LockedBase, LockedStep } from '../../src/lock/schema.ts'
import { serializeLock } from '../../src/lock/serialize-lock.ts'
import { Recipe } from '../../src/recipe/schema.ts'
import { makeProject } from './project.ts'

export interface LockedProject {
  /** Of the recipe `x`, as an author writes them. */
  steps: unknown[]
  /** What they were resolved to. */
  locked: LockedStep[]
  base?: Record<string, unknown>
  archives?: unknown[]
  /** Of the base. */
  packages?: DebianPackage[]
  /** More files of the project, by path. */
  files?: Record<string, string>
}

const DIGEST = 'a'.repeat(64)

/** A project with the recipe `x` and a lockfile that was written by hand: good for all that builds nothing. */
export async function lockedProject({ steps, locked, packages = [], files = {}, ...given }: LockedProject) {
  const written = { base: { kind: 'debian', suite: 'bookworm' }, steps, ...given }
  const recipe = Recipe.parse(written)
  const base: LockedBase = {
    kind: 'debian',
    suite: 'bookworm',
    indexes: [
      {
        ...{ archive: 'debian', suite: 'bookworm', component: 'main', date: '2026-01-01T00:00:00Z' },
        ...{ release: DIGEST, packages: DIGEST, signedBy: ['0'.repeat(40)] },
      },
    ],
    seed: [],
    packages: [debianPackage('dpkg', '1.21.22'), ...packages],
  }
  const lock = serializeLock({
    lockfileVersion: 1,
    recipe: 'x',
    inputs: lockInputs(recipe),
    platforms: { 'linux/amd64': { epoch: 1_767_225_600, base, steps: locked, image: null } },
  })
  return makeProject({
    'recipes/x/recipe.ts': `export default ${JSON.stringify(written, null, 2)}\n`,
    'recipes/x/lock.json': lock,
    ...files,
  })
}

/** A package as a lock has it, of which only name and version count. */
export function debianPackage(name: string, version: string, archive = 'debian'): DebianPackage {
  const path = `pool/${name}_${version.replace(/^\d+:/, '')}_amd64.deb`
  return { name, version, architecture: 'amd64', archive, path, size: 1, sha256: DIGEST }
}
