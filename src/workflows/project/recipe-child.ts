// A process of its own that loads one recipe and says on file descriptor 3, in one line of JSON, what it exports. The
// recipe's code runs in here: see import-foreign-recipe.ts for what it can reach.
import { writeSync } from 'node:fs'
import { StillroomError } from '../../error.ts'
import type { ForeignAnswer } from './import-foreign-recipe.ts'
import { importRecipe } from './import-recipe.ts'

const [, , file = '', path = ''] = process.argv
// what a recipe could replace
const { stringify } = JSON
const { exit } = process
const write = (answer: ForeignAnswer): void => {
  const bytes = Buffer.from(`${stringify(answer)}\n`)
  for (let at = 0; at < bytes.length; ) at += writeSync(3, bytes, at)
}

try {
  write(plainData(await importRecipe(file, path)))
} catch (error) {
  if (!(error instanceof StillroomError)) throw error
  const { code, message, hint } = error
  write({
    outcome: 'failed',
    code: code as 'RECIPE_SYNTAX',
    message,
    ...(hint === undefined ? {} : { hint }),
  })
}
exit(0)

/** What JSON would leave out or change, such as a function or a Date, is an error, as it is for the schema. */
function plainData(exported: unknown): ForeignAnswer {
  const strange: string[] = []
  const check = (value: unknown, place: string, depth: number): void => {
    if (depth > 100) strange.push(`${place}: is nested too deep`)
    else if (typeof value === 'object' && value !== null) {
      const prototype = Object.getPrototypeOf(value)
      if (prototype !== null && prototype !== Object.prototype && !Array.isArray(value))
        strange.push(`${place}: must be plain data`)
      for (const [key, item] of Object.entries(value)) check(item, `${place}[${stringify(key)}]`, depth + 1)
    } else if (
      !['string', 'boolean', 'undefined', 'object'].includes(typeof value) &&
      !Number.isFinite(value)
    )
      strange.push(`${place}: must be plain data, not a ${typeof value}`)
  }
  check(exported, 'the default export', 0)
  if (strange.length === 0) return { outcome: 'exported', value: exported ?? null }
  return {
    outcome: 'failed',
    code: 'RECIPE_INVALID',
    message: `${path}: the recipe is not valid:\n${strange.map((line) => `  ${line}`).join('\n')}`,
  }
}
