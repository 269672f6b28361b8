import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { BuildReport } from '../../src/report/build-report.ts'
import type { VerifyReport } from '../../src/verify/verify-report.ts'
import { causesOf, findingsOf, isWhole, LOCK, type Trial } from './survey-result.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Where a survey's recipes are made and built. */
export interface Workshop {
  /** A project in which `stillroom` can be imported. */
  directory: string
  /** With a cache and an engine of the survey's own. */
  env: Record<string, string>
  variations: readonly string[]
  /** Source of a recipe that installs packages. */
  recipeOf: (packages: readonly string[]) => string
  /** Ends the survey: what is running is told to end, and nothing is said of it. */
  stop: AbortSignal
}

/** A command of stillroom that failed. */
class Refused extends Error {
  readonly failed: NonNullable<Trial['failed']>
  constructor(failed: NonNullable<Trial['failed']>) {
    super(failed.message)
    this.failed = failed
  }
}

/**
 * Locks a recipe of some packages, builds it, audits it, and builds it again elsewhere. When something is amiss in a recipe of
 * several, each half is tried by itself, down to single packages.
 *
 * @throws when it is told to stop, or when the disk is full, which says nothing of packages
 */
export async function tryPackages(
  workshop: Workshop,
  name: string,
  packages: readonly string[],
  note: (trial: Trial) => void,
): Promise<Trial[]> {
  const trial = await tryRecipe(workshop, name, packages)
  note(trial)
  if (isWhole(trial) || packages.length === 1) return [trial]
  const half = Math.ceil(packages.length / 2)
  const first = await tryPackages(workshop, `${name}a`, packages.slice(0, half), note)
  const second = await tryPackages(workshop, `${name}b`, packages.slice(half), note)
  const parts = [...first, ...second]
  // packages that cannot be installed together say nothing; else what is amiss in all of them is not in any half
  return parts.every(isWhole) && trial.failed?.command !== LOCK ? [trial] : parts
}

async function tryRecipe(workshop: Workshop, name: string, packages: readonly string[]): Promise<Trial> {
  const { directory, recipeOf, variations } = workshop
  const started = performance.now()
  const trial: Omit<Trial, 'seconds'> = { packages: [...packages] }
  const recipe = join(directory, 'recipes', name)
  await mkdir(recipe, { recursive: true })
  await writeFile(join(recipe, 'recipe.ts'), recipeOf(packages))
  try {
    await run(workshop, [...LOCK.split(' '), name, '--json'])
    const built = await run<BuildReport>(workshop, ['build', 'recipe', name, '--json'], 1)
    trial.size = built.image.size
    trial.clean = built.audit?.verdict === 'clean'
    trial.findings = findingsOf(built.audit?.findings ?? [])
    const vary = ['--vary', variations.join(',')]
    const { reports } = await run<{ reports: VerifyReport[] }>(
      workshop,
      ['verify', 'recipe', name, '--json', ...vary],
      3,
    )
    const [report] = reports
    if (report === undefined) throw new Error('verify printed no report')
    const { verdict, problem } = report
    if (verdict === 'failed') {
      const { code, message } = problem ?? { code: 'unknown', message: '' }
      throw refused('verify recipe', code, message)
    }
    trial.identical = verdict === 'identical'
    if (!trial.identical) trial.causes = causesOf(report)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    trial.failed = error.failed
  }
  await tidyUp(workshop, name)
  return { ...trial, seconds: Math.round((performance.now() - started) / 1000) }
}

/** Runs stillroom and gives the JSON that it prints. @param atMost the exit code up to which it has not failed */
async function run<T>({ directory, env, stop }: Workshop, args: readonly string[], atMost = 0): Promise<T> {
  const result = await execa(process.execPath, [join(ROOT, 'bin/run.js'), ...args, '-C', directory], {
    env,
    reject: false,
    stdin: 'ignore',
    cancelSignal: stop,
  })
  stop.throwIfAborted()
  if (result.exitCode !== undefined && result.exitCode <= atMost && result.stdout.startsWith('{'))
    return JSON.parse(result.stdout)
  // a command that is killed prints none
  const { error } = result.stdout.startsWith('{') ? JSON.parse(result.stdout) : {}
  const { code = `exit code ${result.exitCode}`, message = result.stderr.slice(-400) } = error ?? {}
  throw refused(args.slice(0, 2).join(' '), code, message.trim())
}

/** A full disk says nothing of packages; a build elsewhere that fails says it in its message. */
function refused(command: string, code: string, message: string): Error {
  if (/\bDISK_FULL\b/.test(`${code} ${message}`)) return new Error(`the survey ends: ${message}`)
  return new Refused({ command, code, message })
}

/** Keeps the disk from filling: the engine is the survey's own. */
async function tidyUp({ env }: Workshop, name: string): Promise<void> {
  const docker = (...args: string[]) => execa('docker', args, { env, reject: false, stdin: 'ignore' })
  await docker('image', 'rm', '--force', `stillroom/${name}`, `stillroom/${name}:verify`)
  await docker('builder', 'prune', '--force', '--keep-storage', '6GB')
}
