// What bin/run.js starts: oclif finds the command by its name and loads that one alone.
import { execute } from '@oclif/core/execute'

await execute({ dir: import.meta.url })
