// The one gate: every check, each with its time, and at the end what failed. `npm run ok`.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { updateDocs } from './docs.ts'
import { findRoomViolations } from './rooms.ts'

/** Undefined when all is well; else what is wrong. */
type Check = () => string | undefined

const root = new URL('..', import.meta.url).pathname
const bin = join(root, 'node_modules/.bin')

const checks: [string, Check][] = [
  ['format and lint', tool('biome', ['check', '--error-on-warnings'])],
  ['types', tool('tsc', [])],
  ['rooms', () => findRoomViolations(root).join('\n') || undefined],
  ['generated docs', staleDocs],
  ['unused code', tool('knip', [])],
  [
    'shell programs',
    tool('shellcheck', ['--external-sources', '--source-path=SCRIPTDIR', '--shell=sh', ...shellPrograms()]),
  ],
  ['unit tests', tool('vitest', ['run', '--project', 'unit'])],
]

const failed: string[] = []
for (const [name, check] of checks) {
  const started = performance.now()
  const problem = check()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (problem === undefined) continue
  console.log(problem)
  failed.push(name)
}
console.log(failed.length === 0 ? 'all is well' : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

function staleDocs(): string | undefined {
  const stale = updateDocs(root, { write: false })
  return stale.length === 0 ? undefined : `stale: ${stale.join(', ')}; run: npm run docs`
}

/** A program of the project, or of the machine: one that is not installed is said to be left out. */
function tool(program: string, args: string[]): Check {
  return () => {
    const own = join(bin, program)
    const path = existsSync(own) ? own : program
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    const result = spawnSync(path, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1e8 })
    if (result.error && 'code' in result.error && result.error.code === 'ENOENT') {
      console.log(`skipped: ${program} is not installed`)
      return undefined
    }
    return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`.trimEnd()
  }
}

/** Everything that is plain sh; .ci/run is for bash. */
function shellPrograms(): string[] {
  return [
    ...globSync('bin/*', { cwd: root, exclude: ['bin/*.js'] }),
    ...globSync('src/**/*.sh', { cwd: root }),
  ].sort()
}
