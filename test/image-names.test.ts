import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { RecipeInput } from '../src/recipe/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { makeHelloLike, type OwnProject } from './project/task-project.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom } from './support/stillroom.ts'

useScratchCache()

/** A project whose recipe has a name that others may have, too; its images are gone when the test ends. */
async function makeProject(name: string, says: string): Promise<OwnProject> {
  const show = { command: ['cat', '/opt/says'] } as NonNullable<RecipeInput['tasks']>[string]
  const command = `mkdir -p /opt; echo ${says} > /opt/says`
  const project = await makeHelloLike({ steps: [{ kind: 'run', command }], tasks: { show } }, name)
  await stillroom(project.directory, ['generate', 'recipe', name])
  onTestFinished(async () => {
    await execa('docker', ['image', 'rm', '--force', ...(await namesOf(name))], { reject: false })
    await project[Symbol.asyncDispose]()
  })
  return project
}

/** Names of all images of recipes of that name. */
async function namesOf(name: string): Promise<string[]> {
  const filter = `reference=stillroom/${name}*`
  const format = '{{.Repository}}:{{.Tag}}'
  const { stdout } = await execa('docker', ['image', 'ls', '--filter', filter, '--format', format])
  return stdout.split('\n').filter(Boolean).sort()
}

async function run<T>({ directory, name }: OwnProject, verb: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await stillroom(directory, [verb, 'recipe', name, ...args, '--json'])
  expect(stdout, stderr).not.toBe('')
  return { exitCode, stderr, ...(JSON.parse(stdout) as T) }
}

async function shown({ directory, name }: OwnProject): Promise<string> {
  const { stdout, stderr } = await stillroom(directory, ['run', 'recipe', name, 'show'])
  return stdout || stderr
}

const newName = () => `names-${randomBytes(4).toString('hex')}`

test('the image of a recipe takes its name from no other project', async () => {
  const name = newName()
  const first = await makeProject(name, 'first')
  const second = await makeProject(name, 'second')
  const plain = `stillroom/${name}`
  expect(await run<BuildReport>(first, 'build')).toMatchObject({ verdict: 'recorded', tag: plain })

  const other = await run<BuildReport>(second, 'build')
  expect(other).toMatchObject({ exitCode: 0, verdict: 'recorded' })
  expect(other.tag).toMatch(new RegExp(`^${plain}-[0-9a-f]{8}$`))
  expect(other.stderr).toContain(
    `${plain} is the image of the project in ${first.directory}: the image of this project is called ${other.tag}`,
  )
  expect(await namesOf(name)).toEqual([`${other.tag}:latest`, `${plain}:latest`].sort())
  expect([await shown(first), await shown(second)]).toEqual(['first', 'second'])
  expect(await run<BuildReport>(first, 'build')).toMatchObject({ unchanged: true, tag: plain })
  expect(await run<BuildReport>(second, 'build')).toMatchObject({ unchanged: true, tag: other.tag })
  expect(await run<AuditReport>(second, 'audit')).toMatchObject({
    verdict: 'clean',
    image: { reference: other.tag },
  })

  // the name is free once the project is gone
  await first[Symbol.asyncDispose]()
  expect(await run<BuildReport>(second, 'build', '--no-cache')).toMatchObject({
    verdict: 'identical',
    tag: plain,
  })
})

test('two clones of a project, whose images are the same, call it by the same name', async () => {
  const name = newName()
  const [first, second] = [await makeProject(name, 'same'), await makeProject(name, 'same')]
  const built = await run<BuildReport>(first, 'build')
  const lock = join('recipes', name, 'lock.json')
  await writeFile(join(second.directory, lock), await readFile(join(first.directory, lock)))
  await stillroom(second.directory, ['generate', 'recipe', name])
  expect(await run<BuildReport>(second, 'build')).toMatchObject({ unchanged: true, tag: built.tag })
  expect(await run<BuildReport>(second, 'build', '--no-cache')).toMatchObject({ tag: built.tag })
  expect(await namesOf(name)).toEqual([`stillroom/${name}:latest`])
})

test('an image that differs from its lock does not take the name of the locked one', async () => {
  const name = newName()
  const project = await makeProject(name, '$(cat /proc/sys/kernel/random/uuid)')
  const good = await run<BuildReport>(project, 'build')
  const says = await shown(project)
  const other = await run<BuildReport>(project, 'build', '--no-cache')
  expect(other).toMatchObject({ exitCode: 1, verdict: 'different', tag: `stillroom/${name}:different` })
  expect(other.stderr).toContain(
    `what was built is not the locked image, and is called stillroom/${name}:different`,
  )
  expect(await namesOf(name)).toEqual([`stillroom/${name}:different`, `stillroom/${name}:latest`])
  expect(await shown(project)).toBe(says)
  expect(await run<AuditReport>(project, 'audit')).toMatchObject({ verdict: 'clean' })
  const kept = await run<BuildReport>(project, 'build')
  expect(kept).toMatchObject({ exitCode: 0, unchanged: true, image: { id: good.image.id } })

  // an audit takes it when there is no other
  await execa('docker', ['image', 'rm', `stillroom/${name}`])
  const audit = await run<AuditReport>(project, 'audit')
  expect(audit).toMatchObject({ exitCode: 1, image: { reference: other.tag } })
})
