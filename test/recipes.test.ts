import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const ROOT = join(import.meta.dirname, '..')

interface Listed {
  recipes: { name: string }[]
}

const { recipes } = await stillroomJson<Listed>(ROOT, ['list', 'recipes'])

describe.each(recipes)('$name as it is committed', ({ name }) => {
  test('has a lock that its recipe agrees with', async () => {
    const check = await stillroom(ROOT, ['lock', 'recipe', name, '--check'])
    expect(check, check.stdout).toMatchObject({ exitCode: 0 })
  })

  test('has the build context that follows from the lock', async () => {
    const check = await stillroom(ROOT, ['generate', 'recipe', name, '--check'])
    expect(check, check.stdout + check.stderr).toMatchObject({ exitCode: 0 })
  })
})
