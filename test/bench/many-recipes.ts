import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockInputs } from '../../src/lock/lock-inputs.ts'
import { normalizeLock } from '../../src/lock/normalize-lock.ts'
import type { DebianPackage, Lockfile } from '../../src/lock/schema.ts'
import { serializeLock } from '../../src/lock/serialize-lock.ts'
import { Recipe } from '../../src/recipe/schema.ts'
import { programsChecksum, renderGenerated, writeGenerated } from '../../src/workflows/project/generated.ts'

const PACKAGES = 500
const BASE = 100

/**
 * Makes a git repository of many recipes with 500 packages each, locked and generated and committed; then one package
 * in each of them has another version, and 20 more with it, and that is generated and not committed.
 *
 * @param directory an empty directory in which `stillroom` can be imported
 */
export async function makeManyRecipes(directory: string, count: number): Promise<void> {
  const programs = await programsChecksum(Recipe.parse(WRITTEN))
  const write = async (revision: number) => {
    for (let i = 0; i < count; i++) await writeRecipe(directory, `recipe-${i}`, revision, programs)
  }
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n')
  await write(0)
  const git = (...args: string[]) =>
    execFileSync('git', [
      '-C',
      directory,
      '-c',
      'user.name=bench',
      '-c',
      'user.email=bench@example.org',
      ...args,
    ])
  git('init', '--quiet', '--initial-branch=main')
  git('add', '--all', '--', 'recipes', 'generated')
  git('commit', '--quiet', '--no-gpg-sign', '--message', 'all')
  await write(1)
}

const WRITTEN = {
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [{ kind: 'apt', packages: ['package-200'] }],
}

async function writeRecipe(
  directory: string,
  name: string,
  revision: number,
  programs: string,
): Promise<void> {
  const recipe = Recipe.parse(WRITTEN)
  const lock = normalizeLock(makeLock(name, recipe, revision, programs))
  const path = join(directory, 'recipes', name)
  await mkdir(path, { recursive: true })
  await writeFile(
    join(path, 'recipe.ts'),
    `import { defineRecipe } from 'stillroom'\n\nexport default defineRecipe(${JSON.stringify(WRITTEN)})\n`,
  )
  await writeFile(join(path, 'lock.json'), serializeLock(lock))
  const locked = lock.platforms['linux/amd64']
  if (locked) await writeGenerated(directory, name, await renderGenerated(name, recipe, locked))
}

function makeLock(name: string, recipe: Recipe, revision: number, programs: string): Lockfile {
  const packages = Array.from({ length: PACKAGES }, (_, i) =>
    makePackage(i, i >= 200 && i <= 220 ? revision : 0),
  )
  const steps = packages.slice(BASE)
  const names = steps.map((item) => item.name).join(' ')
  return {
    lockfileVersion: 1,
    recipe: name,
    inputs: lockInputs(recipe, {}, programs),
    platforms: {
      'linux/amd64': {
        epoch: 1_700_000_000,
        base: {
          ...{ kind: 'debian', suite: 'bookworm', seed: ['package-0'], packages: packages.slice(0, BASE) },
          indexes: [
            {
              ...{ archive: 'debian', suite: 'bookworm', component: 'main', date: '2023-11-14T22:13:20Z' },
              ...{
                release: '1'.repeat(64),
                packages: '2'.repeat(64),
                signedBy: ['0123456789ABCDEF0123456789ABCDEF01234567'],
              },
            },
          ],
        },
        steps: [{ kind: 'apt', packages: steps, order: [`unpack ${names}`, `configure ${names}`] }],
        image: null,
      },
    },
  }
}

function makePackage(number: number, revision: number): DebianPackage {
  const [name, version] = [`package-${number}`, `1.2.${revision}-${1 + (number % 5)}`]
  return {
    ...{ name, version, architecture: 'amd64', archive: 'debian', size: 1000 + number },
    path: `pool/main/p/${name}/${name}_${version}_amd64.deb`,
    sha256: (number * 2 + revision).toString(16).padStart(64, '0'),
  }
}
