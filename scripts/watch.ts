// Types, and the unit tests of what changed, again whenever a file is saved: `npm run watch`. Ctrl-C ends both.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const start = (program: string, args: string[]) =>
  spawn(join(root, 'node_modules/.bin', program), args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })

const programs = [
  start('tsc', ['--watch', '--preserveWatchOutput']),
  start('vitest', ['watch', '--project', 'unit', '--changed', '--clearScreen=false']),
]
const end = () => programs.forEach((program) => void program.kill())
process.on('SIGTERM', end)
// one that ends, ends the other
for (const program of programs) program.on('exit', end)
