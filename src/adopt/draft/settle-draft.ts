import type { Position } from '../../formats/dockerfile/source-text.ts'
import { checkRecipe } from '../../recipe/check-recipe.ts'
import { Recipe } from '../../recipe/schema.ts'
import { type RecipeDraft, recipeOf } from './recipe-draft.ts'

/** What is not valid, and why. */
interface Refused {
  path: string[]
  reason: string
}

/**
 * Takes out of a draft what the schema of recipes refuses, and says so in its place, until it is valid.
 *
 * @param say is told what is left out and why, and gives the comment that stands in its place
 */
export function settleDraft(draft: RecipeDraft, say: (at: Position, what: string) => string): Recipe {
  const leave = ({ path, reason }: Refused) =>
    leaveOut(draft, path, (at, what) => say(at, `${what} ${reason}`))
  for (let round = 0; round < 10_000; round++) {
    const parsed = Recipe.safeParse(recipeOf(draft))
    if (parsed.success) {
      const [issue] = checkRecipe(parsed.data)
      if (issue === undefined) return parsed.data
      // one at a time: without it, another may be none
      leave({ path: issue.path.split(/[.[\]]+/).filter(Boolean), reason: issue.reason })
      continue
    }
    const issues = parsed.error.issues.map(({ path, message }) => ({
      path: path.map(String),
      reason: message,
    }))
    const [first = { path: [], reason: '' }] = issues
    // what is wrong with a step is so whatever the others are; the last first, as their numbers are those of now
    const ofSteps = new Map(
      issues.filter(({ path }) => path[0] === 'steps').map((each) => [each.path[1], each]),
    )
    for (const issue of ofSteps.size > 0 ? [...ofSteps.values()].reverse() : [first]) leave(issue)
  }
  throw new Error('a draft does not become valid')
}

function leaveOut(
  draft: RecipeDraft,
  [field = '', key = '']: readonly string[],
  said: (at: Position, what: string) => string,
): void {
  if (field === 'steps') {
    const entry = draft.entries.filter(({ step }) => step !== undefined)[Number(key)]
    if (entry?.step === undefined) throw new Error(`a draft has no step ${key}`)
    const code = JSON.stringify(entry.step)
    entry.comments.push(said(entry.at, `this step is left out: one of its values`), `  ${code}`)
    entry.step = undefined
    return
  }
  const at = { line: 1, column: 1 }
  const place = field.replace(/["']/g, '')
  draft.trailing.push(
    said(
      at,
      `"${[place, key].filter(Boolean).join('.')}" is left out: ${JSON.stringify(valueAt(draft, place, key))}`,
    ),
  )
  if (['env', 'labels', 'tasks'].includes(place)) {
    const values = draft[place as 'env']
    const name =
      Object.keys(values).find((each) => each === key || JSON.stringify(each) === key) ??
      Object.keys(values)[0] ??
      ''
    delete values[name]
  } else if (place === 'expose' || place === 'volumes') draft[place].splice(Math.max(0, Number(key) || 0), 1)
  else if (place === 'user' || place === 'workdir' || place === 'entrypoint' || place === 'cmd')
    delete draft[place]
  else throw new Error(`a draft is not valid: ${said(at, place)}`)
}

function valueAt(draft: RecipeDraft, field: string, key: string): unknown {
  const value = (draft as unknown as Record<string, unknown>)[field]
  return typeof value === 'object' && value !== null && key !== ''
    ? ((value as Record<string, unknown>)[key] ?? value)
    : value
}
