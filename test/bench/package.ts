import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Contest } from './contest.ts'
import { checkByHand, lockAndBuild } from './edit.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Small ones that need nothing else, and that the recipe has in no version; one a round, and one before. */
const PACKAGES = [
  'tabulate==0.9.0',
  'toolz==0.12.1',
  'colorama==0.4.6',
  'pluggy==1.5.0',
  'iniconfig==2.0.0',
  'pytz==2024.1',
]

/**
 * One package more in the recipe's pip step, from the save in the editor to the verdict. Ours commits, locks, builds, compares, checks
 * and audits; the other side builds what it changes, and runs the same checks. Both have built it before.
 *
 * @param byHand `prepare`: what the hand-written Dockerfile stands on; `build`: builds it with one package more; `index`: where both
 *   find packages, on this machine
 */
export function packageContest(
  recipe: string,
  scratch: string,
  byHand: {
    prepare: () => Promise<unknown>
    build: (directory: string, options: { noCache: boolean; more: string }) => Promise<unknown>
    index: () => Promise<string>
  },
): Contest {
  const project = join(scratch, 'one-package-more')
  const directory = join(project, 'recipes', recipe)
  const file = join(directory, 'recipe.ts')
  const rounds = { ours: 0, theirs: 0 }
  const next = (side: keyof typeof rounds) => {
    const name = PACKAGES[rounds[side]++]
    if (name === undefined) throw new Error(`there are packages for ${PACKAGES.length - 1} rounds`)
    return name
  }
  const ours = async () => {
    const text = await readFile(file, 'utf8')
    const changed = text.replace(/('gym==0\.21\.0',)( '[^']*',)?/, `$1 '${next('ours')}',`)
    if (changed === text) throw new Error(`${file} has no place for one package more`)
    await writeFile(file, changed)
    await lockAndBuild(project, recipe, { PIP_INDEX_URL: await byHand.index() })
  }
  const theirs = async () => {
    await byHand.build(directory, { noCache: false, more: next('theirs') })
    await checkByHand(recipe)
  }
  return {
    part: 'package',
    ours: `one package more in ${recipe}'s pip step: commit, lock recipe, build recipe, with checks and audit`,
    theirs:
      'docker buildx build of a Dockerfile written by hand with that package more, then docker run of the same checks',
    atMost: 0.7,
    rounds: 5,
    prepare: async () => {
      await byHand.prepare()
      await execa('git', ['clone', '--quiet', ROOT, project])
      for (const name of ['node_modules', 'dist']) await symlink(join(ROOT, name), join(project, name))
      await ours()
      await theirs()
    },
    run: { ours, theirs },
  }
}
