import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import type { GitStep, Recipe, RunStep } from '../src/recipe/schema.ts'
import { resolveGit } from '../src/resolve/git/resolve-git.ts'
import { openStore } from '../src/store/store.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { loadRecipe } from '../src/workflows/project/load-recipe.ts'
import { startGitServer } from './world/git-server.ts'

const EXAMPLES = join(import.meta.dirname, '../docs/examples')
const LOGIN = { user: 'me', password: 'correct-horse-battery' }
const FILE = 'Cylinder2DFlowControlWithRL/launch_parallel_training.py'

/** A stand-in for the project's training: what the example patches, in calls that print what they are given. */
const TRAINING = `environments, evaluation_environment, nb_actuations, use_best_model = ['a'], 'b', 80, True
number_servers = 2
print(dict(
    parallel_interactions=number_servers,
    saver=dict(directory='saver_data', seconds=72000),  # why
))
agent = 'ppo'
print(dict(
    agent=agent, environments=environments, evaluation_environment=evaluation_environment
))
print(dict(
    num_episodes=400, max_episode_timesteps=nb_actuations, sync_episodes=True,
    save_best_agent=use_best_model
))
`
const PATCHED = `{'parallel_interactions': 1, 'saver': {'directory': 'saver_data', 'frequency': 72000}}
{'agent': 'ppo', 'environments': ['a'], 'max_episode_timesteps': 80, 'save_best_agent': 'best_agent', 'evaluation_environment': 'b'}
{'num_episodes': 400, 'sync_episodes': True}`

let placing: GitStep
let patching: RunStep
beforeAll(async () => {
  const { recipe }: { recipe: Recipe } = await loadRecipe(EXAMPLES, 'seed')
  placing = recipe.steps.find((step) => step.kind === 'git') as GitStep
  patching = recipe.steps.at(-1) as RunStep
})

test("the seed's repository is placed at its commit, from a mirror that wants a login", async () => {
  expect(placing.ref).toMatch(/^[0-9a-f]{40}$/)
  const server = await startGitServer({ login: LOGIN })
  onTestFinished(() => server.close())
  const name = new URL(placing.url).pathname.slice(1).replace(/\.git$/, '')
  const commit = await server.commit(name, { [FILE]: TRAINING })
  const store = await openStore(await temporaryDirectory())
  const environment = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const resolve = (token: string) =>
    resolveGit(
      { ...placing, ref: commit },
      {
        env: { ...environment, STILLROOM_GIT_TOKENS: `${server.url}/=${token}` },
        mirrors: { 'https://github.com/': [`${server.url}/`] },
        ca: undefined,
        temporary: tmpdir(),
        signal: new AbortController().signal,
        keep: (content, expected) => store.put(content, expected),
        fetchLarge: async () => () => '',
        backoff: 1,
      },
    )
  const locked = await resolve(`${LOGIN.user}:${LOGIN.password}`)
  expect(locked).toMatchObject({ url: placing.url, commit })
  expect(JSON.stringify(locked)).not.toContain(server.host)
  expect(JSON.stringify(locked)).not.toContain(LOGIN.password)
  const { stdout } = await execa('tar', ['-xOf', store.path(locked.sha256), FILE], {
    stripFinalNewline: false,
  })
  expect(stdout).toBe(TRAINING)
})

test('its training is patched in four places, and a training that reads otherwise is refused', async () => {
  const directory = await temporaryDirectory()
  const path = join(directory, FILE)
  await mkdir(join(path, '..'), { recursive: true })
  const script = String(patching.command).replace(placing.to, directory)
  const patch = async (text: string) => {
    await writeFile(path, text)
    return execa('/bin/sh', ['-eu', '-c', script], { reject: false })
  }
  expect(await patch(TRAINING)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
  expect((await execa('python3', [path])).stdout).toBe(PATCHED)
  expect(await readFile(path, 'utf8')).toContain('# why')

  expect(await patch(TRAINING.replace('seconds=72000', 'steps=72000'))).toMatchObject({
    exitCode: 1,
    stderr: 'nothing to change for: s/seconds=72000/frequency=72000/',
  })
})
