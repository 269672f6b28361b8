import { type Command, Parser } from '@oclif/core'
import { expect, test } from 'vitest'
import BuildRecipe from './build/recipe.ts'
import Prune from './prune.ts'
import SaveRecipe from './save/recipe.ts'
import StopRecipe from './stop/recipe.ts'
import { usageError } from './usage-error.ts'
import VerifyRecipe from './verify/recipe.ts'

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

/** What is said of words that follow a command, as oclif's own parser finds them wrong. */
async function said(command: typeof Command, id: string, ...words: string[]): Promise<string> {
  command.id = id
  const { args, strict, flags, baseFlags } = command
  try {
    await Parser.parse(words, { args, strict, flags: { ...baseFlags, ...flags }, '--': true })
    return 'nothing'
  } catch (error) {
    const { message, hint } = usageError(error as Error, command)
    return `${message}; ${hint}`
  }
}

test('says what oclif finds, in our words', async () => {
  expect([
    await said(BuildRecipe, 'build:recipe'),
    await said(BuildRecipe, 'build:recipe', 'hello', '--strict'),
    await said(BuildRecipe, 'build:recipe', 'hello', '--builder'),
    await said(SaveRecipe, 'save:recipe', 'hello'),
    await said(SaveRecipe, 'save:recipe', 'hello', 'a.tar', 'b.tar'),
    await said(Prune, 'prune', '--days', '-1'),
    await said(Prune, 'prune', '--days', 'soon'),
    await said(StopRecipe, 'stop:recipe', 'hello', '--timeout', '-5'),
    await said(VerifyRecipe, 'verify:recipe', 'hello', '--vary', 'moon'),
  ]).toMatchInlineSnapshot(`
    [
      "NAME is missing, directories in recipes/; the form is: stillroom build recipe NAME...; see also: stillroom build recipe --help",
      "there is no option --strict; see: stillroom build recipe --help",
      "Flag --builder expects a value; the form is: stillroom build recipe NAME...; see also: stillroom build recipe --help",
      "FILE is missing, the archive to write; the form is: stillroom save recipe NAME FILE; see also: stillroom save recipe --help",
      "one argument too many: b.tar; the form is: stillroom save recipe NAME FILE; see also: stillroom save recipe --help",
      "--days: expected an integer greater than or equal to 0 but received: -1; the form is: stillroom prune; see also: stillroom prune --help",
      "--days: expected an integer but received: soon; the form is: stillroom prune; see also: stillroom prune --help",
      "--timeout: expected an integer greater than or equal to 0 but received: -5; the form is: stillroom stop recipe NAME [TASK]; see also: stillroom stop recipe --help",
      "Expected --vary=moon to be one of: clock, hostname, cpus, timezone, locale, umask, store, all; the form is: stillroom verify recipe NAME... | --all; see also: stillroom verify recipe --help",
    ]
  `)
})
