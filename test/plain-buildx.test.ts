import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { ownName } from './support/own-name.ts'

const TAG = ownName('stillroom-test/plain')
const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

/** A project that holds the recipe `hello` as it is committed. */
async function copyHello(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-plain-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  for (const part of ['recipes/hello', 'generated/hello']) {
    await mkdir(join(directory, part), { recursive: true })
    const isFetched = (path: string) => /\/(artifacts|metadata\.json)$/.test(path)
    await cp(join(root, part), join(directory, part), { recursive: true, filter: (path) => !isFetched(path) })
  }
  await mkdir(join(directory, 'node_modules'))
  await symlink(root, join(directory, 'node_modules/stillroom'))
  return directory
}

/** The commands that the context's README tells to run, in a tag of the test's own, with nothing from a cache. */
async function readmeCommands(context: string): Promise<string> {
  const readme = await readFile(join(context, 'README.md'), 'utf8')
  const [, commands] = /^```sh\n(.*?)^```$/ms.exec(readme) ?? []
  expect(commands).toContain(' --tag stillroom/hello ')
  return (commands as string).replace(' --tag stillroom/hello ', ` --no-cache --tag ${TAG} `)
}

it('fetch.sh and docker buildx build give the image that stillroom builds', async () => {
  const project = await copyHello()
  const context = join(project, 'generated/hello')
  onTestFinished(async () => {
    await run('docker', ['image', 'rm', '--force', TAG]).catch(() => {})
  })
  const { stdout } = await run('/bin/sh', ['-euc', await readmeCommands(context)], {
    cwd: context,
    maxBuffer: 1e8,
  })
  const plain = stdout.trim().split('\n').at(-1)

  const cli = [join(root, 'bin/run.js'), 'build', 'recipe', 'hello', '--no-cache', '--json', '-C', project]
  const built = JSON.parse((await run(process.execPath, cli, { maxBuffer: 1e8 })).stdout) as {
    image: { id: string }
  }
  expect(plain).toBe(built.image.id)

  // and it is that image, not one of its name: the user's command runs in it
  const said = await run('docker', ['run', '--rm', '--network=none', TAG])
  expect(said.stdout).toContain('The same bytes, years later')
})
