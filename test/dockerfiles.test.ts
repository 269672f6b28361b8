import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DockerfileCheck } from '../src/adopt/check/finding.ts'
import type { AdoptResult } from '../src/workflows/adopt/adopt-dockerfile.ts'
import { makeProject, put } from './support/project.ts'
import { failure, stillroom, stillroomJson } from './support/stillroom.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

async function projectWith(dockerfile: string): Promise<string> {
  const directory = await makeProject()
  await mkdir(join(directory, 'old'), { recursive: true })
  await put(directory, 'old/Dockerfile', dockerfile)
  return directory
}

test('check dockerfile: findings by place, the same as JSON and SARIF, and exit code 1', async () => {
  const directory = await projectWith('FROM debian:12\nRUN date > /built\n')
  const text = await stillroom(directory, ['check', 'dockerfile', 'old/Dockerfile'])
  expect(text.exitCode).toBe(1)
  expect(text.stdout).toContain('old/Dockerfile:1:6: error image-floating')
  const { files } = await stillroomJson<DockerfileCheck>(directory, ['check', 'dockerfile', 'old/Dockerfile'])
  expect(files[0]?.findings.map(({ rule, line }) => [rule, line])).toEqual([
    ['image-floating', 1],
    ['clock', 2],
  ])
  const sarif = await stillroom(directory, ['check', 'dockerfile', 'old/Dockerfile', '--format', 'sarif'])
  expect(JSON.parse(sarif.stdout).runs[0].results).toHaveLength(2)
})

test('check dockerfile: nothing found is exit code 0, no such file 2', async () => {
  const directory = await projectWith(`FROM debian@${DIGEST}\nRUN echo hello > /hello\n`)
  expect(await stillroom(directory, ['check', 'dockerfile', 'old/Dockerfile'])).toMatchObject({ exitCode: 0 })
  expect(await failure(directory, ['check', 'dockerfile', 'none'])).toMatchObject({
    exitCode: 2,
    code: 'DOCKERFILE_UNREADABLE',
  })
})

test('adopt dockerfile: a recipe that is loaded, the notes on stderr, and never over another', async () => {
  const directory = await projectWith('FROM python:3.11-slim\nRUN pip install six==1.16.0 && npm ci\n')
  const { exitCode, stdout, stderr } = await stillroom(directory, [
    'adopt',
    'dockerfile',
    'old/Dockerfile',
    'new',
  ])
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('has not been built')
  expect(stderr).toContain('old/Dockerfile:2:32: todo: this needs the network')
  expect(await readFile(join(directory, 'recipes/new/recipe.ts'), 'utf8')).toContain("pip(['six==1.16.0'])")
  const listed = await stillroom(directory, ['list', 'recipes'])
  expect(listed.stdout).toContain('new')
  const again = await failure(directory, ['adopt', 'dockerfile', 'old/Dockerfile', 'new'])
  expect(again).toMatchObject({ exitCode: 2, code: 'RECIPE_EXISTS' })
  const other = await stillroomJson<AdoptResult>(directory, ['adopt', 'dockerfile', 'old/Dockerfile'])
  expect(other.name).toBe('old')
})
