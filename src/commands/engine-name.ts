import { Flags } from '@oclif/core'

/** Which private engine: what all of its commands take. */
export const ENGINE_NAME = {
  name: Flags.string({
    description: 'one of several engines: a to z, 0 to 9 and -, at most 23 characters',
    default: 'default',
  }),
}
