/**
 * Loaded into stillroom by NODE_OPTIONS: appends the command line of each process that it starts to the file that
 * STILLROOM_TEST_COMMANDS names.
 */
import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'

subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess }
  child.once('spawn', () => {
    appendFileSync(process.env.STILLROOM_TEST_COMMANDS as string, `${child.spawnargs.join(' ')}\n`)
  })
})
