import { Args, Flags } from '@oclif/core'

/** The recipe that a command works on. */
export const RECIPE = Args.string({ description: 'directory in recipes/', required: true })

/** The recipes that a command works on, one after the other. */
export const RECIPES = Args.string({ description: 'directories in recipes/', required: true, multiple: true })

/** Which private engine. */
export const ENGINE_NAME = {
  name: Flags.string({
    description: 'one of several engines: a to z, 0 to 9 and -, at most 23 characters',
    default: 'default',
  }),
}

/** Where verifications are kept. */
export const HISTORY = Flags.string({ description: 'the directory of the history', default: 'history' })
