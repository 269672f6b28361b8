import { appendFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Recipe } from '../../src/recipe/schema.ts'
import type { Contest } from './contest.ts'

const ROOT = join(import.meta.dirname, '../..')
const IMAGE = 'stillroom-bench/by-hand'

/**
 * One line of the project changed, from the save in the editor to the verdict. Ours commits, locks, builds, compares, checks and
 * audits; the other side builds, and runs the same checks one after the other. Both have built it before.
 *
 * @param byHand `prepare`: what the hand-written Dockerfile stands on; `build`: builds it from a directory, as `IMAGE`
 */
export function editContest(
  recipe: string,
  scratch: string,
  byHand: {
    prepare: () => Promise<unknown>
    build: (directory: string, options: { noCache: boolean }) => Promise<unknown>
  },
): Contest {
  const project = join(scratch, 'edited')
  const directory = join(project, 'recipes', recipe)
  const file = join(directory, 'solver/agent.py')
  const edit = (words: string) => appendFile(file, `# ${words}\n`)
  const ours = async () => {
    await edit('changed')
    await lockAndBuild(project, recipe)
  }
  const theirs = async () => {
    await edit('changed')
    await byHand.build(directory, { noCache: false })
    await checkByHand(recipe)
  }
  return {
    part: 'edit',
    ours: `one line of ${recipe} changed: commit, lock recipe, build recipe, with checks and audit`,
    theirs: 'docker buildx build of a Dockerfile written by hand, then docker run of the same checks',
    atMost: 1,
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

/** Runs a recipe's checks in what was built by hand, one after the other. */
export async function checkByHand(recipe: string): Promise<void> {
  const { checks } = (await import(join(ROOT, 'recipes', recipe, 'recipe.ts'))).default as Recipe
  for (const { command, expect } of checks) {
    const { stdout } = await execa('docker', ['run', '--rm', '--network', 'none', IMAGE, ...command])
    if (expect !== undefined && !stdout.includes(expect)) throw new Error(`${command.join(' ')}: ${stdout}`)
  }
}

/** Commits what was changed, locks and builds, to a verdict with checks and an audit. */
export async function lockAndBuild(
  project: string,
  recipe: string,
  env: Record<string, string> = {},
): Promise<void> {
  const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.org']
  const commit = ['commit', '--quiet', '--no-gpg-sign', '--all', '--message', 'edit']
  await execa('git', [...identity, ...commit], { cwd: project })
  const stillroom = join(ROOT, 'bin/stillroom')
  await execa(stillroom, ['-C', project, 'lock', 'recipe', recipe], { env })
  const { stdout } = await execa(stillroom, ['-C', project, 'build', 'recipe', recipe, '--json'], { env })
  const { verdict, audit, checks } = JSON.parse(stdout)
  if (verdict !== 'recorded' || audit.verdict !== 'clean' || audit.isKnown || checks.length === 0)
    throw new Error(`not built, checked and audited: ${stdout}`)
}
