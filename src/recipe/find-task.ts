import { StillroomError } from '../error.ts'
import { quoteValue } from '../formats/json/describe-issues.ts'
import { nearestName } from './nearest-name.ts'
import type { Recipe, Task } from './schema.ts'

/**
 * A task of a recipe by its name.
 *
 * @throws {StillroomError} RECIPE_TASK_UNKNOWN with the tasks there are
 */
export function findTask(
  recipeName: string,
  { tasks }: Recipe,
  name: string | undefined,
): Task & { name: string } {
  const task = name !== undefined && Object.hasOwn(tasks, name) ? tasks[name] : undefined
  if (name !== undefined && task) return { name, ...task }
  const names = Object.keys(tasks)
  const nearest = name === undefined ? undefined : nearestName(name, names)
  const width = Math.max(0, ...names.map((known) => known.length))
  const list = Object.entries(tasks).map(([known, { description }]) =>
    `  ${known.padEnd(width)}  ${description}`.trimEnd(),
  )
  const what = name === undefined ? 'no task is named' : `there is no task ${quoteValue(name)}`
  const known =
    list.length > 0
      ? `; recipe "${recipeName}" has:\n${list.join('\n')}`
      : `; recipe "${recipeName}" has none`
  throw new StillroomError('RECIPE_TASK_UNKNOWN', `${what}${known}`, {
    hint: nearest && `did you mean "${nearest}"?`,
    details: { recipe: recipeName, task: name ?? null, tasks: names },
  })
}
