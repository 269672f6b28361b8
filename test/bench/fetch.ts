import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { contextArtifacts } from '../../src/dockerfile/context-artifacts.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import type { BuildReport } from '../../src/report/build-report.ts'
import { startRegistry } from '../world/registry.ts'
import type { Contest } from './contest.ts'
import { ownMachine } from './own-machine.ts'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM = 'linux/amd64'

/**
 * A locked image from a registry on this machine, against building it with all inputs in the store: on an engine of their own that has
 * neither image nor build cache. Both run the checks; what an audit takes is the same after either.
 */
export function fetchContest(recipe: string, scratch: string): Contest {
  const open = new AsyncDisposableStack()
  let machine: Awaited<ReturnType<typeof ownMachine>>
  const project = join(scratch, `fetch-${recipe}`)
  const path = join(project, 'recipes', recipe, 'lock.json')
  const stillroom = (...args: string[]) => machine.stillroom('-C', project, ...args)
  const docker = (command: string) =>
    execa('sh', ['-euc', `eval "$(bin/stillroom engine env)"; ${command}`], {
      cwd: ROOT,
      env: machine.env,
      extendEnv: false,
    })
  const build = async (...args: string[]) => {
    const printed = await stillroom('build', 'recipe', recipe, '--no-audit', '--json', ...args)
    const { fetched, verdict, stages } = JSON.parse(printed) as BuildReport
    if (verdict !== 'identical' || (fetched === null) !== args.includes('--from-source'))
      throw new Error(`expected the locked image, from where it was asked for: ${printed}`)
    const times = stages.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`)
    console.error(`    ${times.join(', ')}`)
  }
  return {
    part: 'fetch',
    ours: `build recipe ${recipe} --no-audit, fetched from a registry on this machine`,
    theirs: `build recipe ${recipe} --no-audit --from-source, from a warm store`,
    atMost: 1 / 5,
    rounds: 3,
    prepare: async () => {
      await execa('git', ['clone', '--quiet', ROOT, project])
      for (const name of ['node_modules', 'dist']) await symlink(join(ROOT, name), join(project, name))
      const locked = parseLock(await readFile(path, 'utf8'), path).platforms[PLATFORM]
      if (!locked) throw new Error(`${path} has nothing for ${PLATFORM}`)
      const registry = await startRegistry()
      open.defer(() => registry.close())
      const { files } = contextArtifacts(locked)
      machine = open.use(await ownMachine(files.map(({ artifact }) => artifact.sha256)))
      await stillroom('build', 'recipe', recipe, '--no-audit')
      await stillroom('publish', 'recipe', recipe, `${registry.host}/team/${recipe}:1`)
    },
    before: async () => {
      await docker(`docker image rm --force stillroom/${recipe}; docker builder prune --all --force`)
      await execa('sync')
    },
    run: { ours: () => build(), theirs: () => build('--from-source') },
    close: () => open.disposeAsync(),
  }
}
