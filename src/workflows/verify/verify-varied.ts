import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { connectEngine, connectTo } from '../../engine/connect.ts'
import {
  type EngineSettings,
  engineEnvironment,
  type PrivateEngine,
  privateEngine,
} from '../../engine/private/private-engine.ts'
import { startEngine } from '../../engine/private/start-engine.ts'
import { stopEngine } from '../../engine/private/stop-engine.ts'
import { StillroomError } from '../../error.ts'
import { openImage } from '../../image/open-image.ts'
import type { BuildReport } from '../../report/build-report.ts'
import type { Variation } from '../../verify/verify-report.ts'
import type { Artifacts, Cache, Cancellation, Project, Reporting } from '../ports.ts'
import type { StageClock } from '../stage-clock.ts'
import type { NewImage, VerifyPlan } from './verify-build.ts'

/** A day in spring of the next year, whichever day it is now. */
const CLOCK_AHEAD_DAYS = 124
const HOSTNAME = 'elsewhere'
/** Without a file of the time zone database. */
const TIMEZONE = 'LINT-14'
/** Case and sorting differ from English. */
const LOCALE = 'tr_TR.UTF-8'
const UMASK = '077'

/**
 * Builds from nothing on a private engine that looks like another machine, by a stillroom of its own whose
 * surroundings are other ones, too.
 *
 * @throws {StillroomError} ENGINE_MISSING when this machine can't have a private engine; those of fetching and building
 */
export async function buildVaried(
  ports: Project & Cancellation & Reporting & Cache & Artifacts,
  plan: VerifyPlan,
  vary: readonly Variation[],
  clock: StageClock,
): Promise<NewImage> {
  const name = `verify-${process.pid}`
  const cache = join(ports.cache, name)
  clock.stage('another machine')
  const other = privateEngine(ports.cache, name)
  const { store: own } = await connectEngine(ports)
  const store = (own === 'containerd') === vary.includes('store') ? 'overlay2' : 'containerd'
  const end = async () => {
    await stopEngine(other, { purge: true, note: () => {} }).catch(() => {})
    await rm(cache, { recursive: true, force: true })
  }
  try {
    const words = await engineWords(vary, plan)
    const { settings } = await startVaried(ports, other, store, words.join(' '))
    clock.stage('build')
    // the store is shared; build contexts are put together again
    await mkdir(cache, { recursive: true })
    await symlink(ports.store.directory, join(cache, 'store'))
    const built = await buildThere(ports, plan, vary, settings, cache)
    const engine = await connectTo(other.socket)
    const reference = built.tag
    return {
      summary: {
        reference: `${reference} on another machine`,
        id: built.image.id,
        diffIDs: [],
        ...(built.image.tree ? { tree: built.image.tree } : {}),
      },
      source: {
        reference: `${reference} on another machine`,
        read: (options) => openImage(ports, reference, { engine, ...options }),
      },
      variations: vary.map((variation) => ({ variation, value: inWords(variation, store) })),
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** What `engine up --vary` is to make different. */
async function engineWords(vary: readonly Variation[], { loaded }: VerifyPlan): Promise<string[]> {
  const { base } = loaded.recipe
  const suite = base.kind === 'debian' ? base.suite : 'bullseye'
  const words: Record<Variation, string[]> = {
    clock: [`clock=${CLOCK_AHEAD_DAYS * 86_400}`, `suite=${suite}`],
    hostname: [`hostname=${HOSTNAME}`],
    cpus: [`cpus=${await firstProcessor()}`],
    timezone: [`timezone=${TIMEZONE}`],
    locale: [`locale=${LOCALE}`],
    umask: [`umask=${Number.parseInt(UMASK, 8)}`],
    store: [],
  }
  return vary.flatMap((variation) => words[variation])
}

/** The first processor that this process may use (proc(5), `Cpus_allowed_list`: `0-3,8`). */
async function firstProcessor(): Promise<string> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1] ?? '0'
}

async function startVaried(
  { signal, progress }: Cancellation & Reporting,
  engine: PrivateEngine,
  store: string,
  vary: string,
) {
  const note = (text: string) => progress({ kind: 'note', text })
  return startEngine(engine, { store, vary, signal, note }).catch((cause: unknown) => {
    if (!(cause instanceof StillroomError) || signal.aborted) throw cause
    throw new StillroomError(
      'ENGINE_MISSING',
      `a private engine could not be started to vary the build:\n${cause.message}`,
      { hint: 'variations need Linux, root, and apt; without them, verify without --vary', cause },
    )
  })
}

interface BuildAnswer extends Partial<Pick<BuildReport, 'image' | 'tag'>> {
  error?: { code: string; message: string; hint?: string }
}

/** Runs `build recipe` as a process of its own, in the surroundings to be had there. */
async function buildThere(
  { signal, directory, progress }: Project & Cancellation & Reporting,
  { loaded }: VerifyPlan,
  vary: readonly Variation[],
  settings: EngineSettings,
  cache: string,
): Promise<Pick<BuildReport, 'image' | 'tag'>> {
  const umask = vary.includes('umask') ? `umask ${UMASK}; ` : ''
  const words = [
    process.argv[1] ?? '',
    'build',
    'recipe',
    loaded.name,
    '-C',
    directory,
    '--no-cache',
    // its image ID is all that is wanted
    '--no-audit',
    '--json',
  ]
  const child = execa('sh', ['-c', `${umask}exec "$@"`, 'sh', process.execPath, ...words], {
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 10_000,
    stdin: 'ignore',
    env: {
      ...engineEnvironment(settings, process.env),
      STILLROOM_CACHE: cache,
      ...(vary.includes('timezone') ? { TZ: TIMEZONE } : {}),
      ...(vary.includes('locale') ? { LANG: LOCALE, LC_ALL: LOCALE } : {}),
    },
  })
  child.stderr.on('data', (bytes: Buffer) => {
    const line = bytes.toString().trim().split('\n').at(-1)?.trim()
    if (line) progress({ kind: 'status', text: line })
  })
  const { stdout, stderr, exitCode } = await child
  signal.throwIfAborted()
  const answer = parseAnswer(stdout)
  if (answer?.image !== undefined && answer.tag !== undefined) return { image: answer.image, tag: answer.tag }
  const { code, message, hint } = answer?.error ?? { code: 'BUILD_FAILED', message: stderr.slice(-2000) }
  throw new StillroomError(
    'BUILD_FAILED',
    `the varied build ended with ${code} (exit code ${exitCode}): ${message}`,
    { hint },
  )
}

function parseAnswer(text: string): BuildAnswer | undefined {
  try {
    return JSON.parse(text) as BuildAnswer
  } catch {
    // reported as the failure that it is, with what the process said
    return undefined
  }
}

function inWords(variation: Variation, store: string): string {
  const words: Record<Variation, string> = {
    clock: `${CLOCK_AHEAD_DAYS} days ahead, for programs of the C library`,
    hostname: HOSTNAME,
    cpus: '1 processor',
    timezone: `${TIMEZONE} (14 hours ahead)`,
    locale: LOCALE,
    umask: UMASK,
    store,
  }
  return words[variation]
}
