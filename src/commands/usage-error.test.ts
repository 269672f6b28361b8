import { expect, test } from 'vitest'
import BuildRecipe from './build/recipe.ts'
import { usageError } from './usage-error.ts'

test('says what is missing, too many or mistyped, and the form of the command', () => {
  BuildRecipe.id = 'build:recipe'
  const say = (error: Parameters<typeof usageError>[0]) => {
    const { message, hint } = usageError(error, BuildRecipe)
    return `${message}; ${hint}`
  }
  const form = 'the form is: stillroom build recipe NAME...; see also: stillroom build recipe --help'
  expect(say({ message: '', args: [{ name: 'name', description: 'directory in recipes/' }] })).toBe(
    `NAME is missing, directory in recipes/; ${form}`,
  )
  expect(say({ message: '', args: ['x', 'y'] })).toBe(`one argument too many: x; ${form}`)
  expect(say({ message: '', flags: ['--no-cach'] })).toBe(
    'there is no option --no-cach; did you mean --no-cache?',
  )
  expect(say({ message: '', flags: ['--frobnicate'] })).toBe(
    'there is no option --frobnicate; see: stillroom build recipe --help',
  )
  expect(say({ message: 'Flag --builder expects a value\nSee more help with --help' })).toBe(
    `Flag --builder expects a value; ${form}`,
  )
})
