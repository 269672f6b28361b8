import { expect, test } from 'vitest'
import { parseRecipe } from '../workflows/project/load-recipe.ts'
import { findTask } from './find-task.ts'

const recipe = parseRecipe(
  {
    base: { kind: 'debian', suite: 'bookworm' },
    tasks: { servers: { description: 'Start them', command: ['a'] }, train: { command: ['b'] } },
  },
  'recipe.ts',
)

test('findTask() finds a task by its name', () => {
  expect(findTask('r', recipe, 'servers')).toMatchObject({ name: 'servers', command: ['a'] })
})

test('findTask() lists the tasks there are when there is none by that name', () => {
  const found = () => findTask('r', recipe, 'server')
  expect(found).toThrow(
    expect.objectContaining({
      code: 'RECIPE_TASK_UNKNOWN',
      message: 'there is no task "server"; recipe "r" has:\n  servers  Start them\n  train',
      hint: 'did you mean "servers"?',
    }),
  )
  expect(() => findTask('r', recipe, 'constructor')).toThrow(/there is no task/)
  expect(() => findTask('r', { ...recipe, tasks: {} }, undefined)).toThrow(
    'no task is named; recipe "r" has none',
  )
})
