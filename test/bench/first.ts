import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { contextArtifacts } from '../../src/dockerfile/context-artifacts.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import { findSources } from '../../src/sources/find-sources.ts'
import { locateFrom } from '../../src/workflows/build/fetch-inputs.ts'
import type { Contest } from './contest.ts'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM = 'linux/amd64'

/**
 * The README's first command on a machine that has nothing: a clone without `node_modules`, empty caches, npm's too, no engine.
 * Against curl, which fetches the recipe's artifacts eight at once from where stillroom does: two thirds of the bytes, as the engine's
 * packages and npm's are not among them.
 */
export function firstContest(recipe: string, scratch: string): Contest {
  const downloads = join(scratch, 'downloads')
  let settings = ''
  let machine: FreshMachine | undefined
  const remove = async () => {
    await machine?.remove()
    machine = undefined
  }
  return {
    part: 'first',
    ours: `git clone, and build recipe ${recipe}, with no engine and empty caches`,
    theirs: "curl of the recipe's artifacts, eight at once: two thirds of the bytes",
    atMost: 4,
    rounds: 2,
    prepare: async () => {
      settings = await curlSettings(recipe, downloads)
    },
    before: async () => {
      await remove()
      await rm(downloads, { recursive: true, force: true })
      await mkdir(downloads)
    },
    close: remove,
    run: {
      ours: async () => {
        machine = await freshMachine(scratch)
        await machine.stillroom('build', 'recipe', recipe)
      },
      theirs: () =>
        execa('curl', [
          '--fail',
          '--fail-early',
          '--silent',
          '--parallel',
          '--parallel-max',
          '8',
          '--config',
          settings,
        ]),
    },
  }
}

type FreshMachine = Awaited<ReturnType<typeof freshMachine>>

async function freshMachine(scratch: string) {
  const home = await mkdtemp(join(scratch, 'first-'))
  const clone = join(home, 'stillroom')
  await execa('git', ['clone', '--quiet', ROOT, clone])
  const { DOCKER_HOST: _, DOCKER_CONFIG: __, ...rest } = process.env
  const env = {
    ...rest,
    STILLROOM_CACHE: join(home, 'cache'),
    STILLROOM_ENGINE: 'private',
    npm_config_cache: join(home, 'npm'),
  }
  const stillroom = (...args: string[]) =>
    execa(join(clone, 'bin/stillroom'), args, { cwd: clone, env, extendEnv: false })
  const remove = async () => {
    await stillroom('engine', 'down', '--purge')
    await rm(home, { recursive: true, force: true })
  }
  return { stillroom, remove }
}

/** A file that tells curl what to fetch. */
async function curlSettings(recipe: string, directory: string): Promise<string> {
  const path = join(ROOT, 'recipes', recipe, 'lock.json')
  const locked = parseLock(await readFile(path, 'utf8'), path).platforms[PLATFORM]
  if (!locked) throw new Error(`${path} has nothing for ${PLATFORM}`)
  const locate = locateFrom(await findSources({ env: process.env }), locked, new AbortController().signal)
  const lines: string[] = []
  for (const { artifact } of contextArtifacts(locked).files) {
    if (artifact.origin.kind === 'git') continue
    const [place] = await locate(artifact)
    if (place === undefined) throw new Error(`nothing has ${artifact.file}`)
    lines.push(`url = "${place.url}"\noutput = "${join(directory, artifact.sha256)}"`)
  }
  await writeFile(`${directory}.curl`, lines.join('\n'))
  return `${directory}.curl`
}
