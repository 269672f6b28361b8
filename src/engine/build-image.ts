import { once } from 'node:events'
import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { FREE_SPACE, NO_SPACE, StillroomError } from '../error.ts'

export interface BuildOptions {
  /** Directory of the build context, with its Dockerfile. */
  context: string
  /** Text of another Dockerfile than the context's. */
  dockerfile?: string | undefined
  platform: string
  /** SOURCE_DATE_EPOCH, in seconds. */
  epoch: number
  tag?: string | undefined
  /** A stage of the Dockerfile; the last when left out. */
  target?: string | undefined
  noCache?: boolean | undefined
  /** Stages to build again, with all that is on top of them, whatever the builder remembers. */
  again?: readonly string[] | undefined
  /** A buildx builder by name. */
  builder?: string | undefined
  /** Directory of the engine's data, where this machine has it: its disk is watched while the build runs. */
  disk?: string | undefined
  signal: AbortSignal
  /** Called with the name of each step as it starts and with the lines it prints. */
  onProgress?: ((event: BuildProgress) => void) | undefined
}

export type BuildProgress =
  | { kind: 'step'; name: string }
  | { kind: 'log'; text: string }
  /** Something to be read even when all goes well. */
  | { kind: 'note'; text: string }

export interface BuiltImage {
  /** Digest of the image's config: its ID. */
  id: string
  /** What the engine calls it: the manifest's digest on the containerd store, the ID elsewhere. */
  reference: string
}

/**
 * Builds a context with `docker buildx build` and loads the image into the engine. Where the builder remembers a layer that
 * it has lost, as after a build that was killed, it forgets that and builds again; if need be, without its cache.
 *
 * @throws {StillroomError} STEP_FAILED with the failing step's last lines; BUILD_FAILED, ENGINE_LOST, DISK_FULL, INTERRUPTED
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const note = (text: string) => options.onProgress?.({ kind: 'note', text })
  const first = await buildOnce(options)
  if (!(first instanceof LostLayer)) return first
  const { record } = first
  if (record !== undefined && (await forget(record, options))) {
    note(
      `the builder had lost a layer that its cache knew, ${record}: it was made to forget it, and builds again`,
    )
    const second = await buildOnce(options)
    if (!(second instanceof LostLayer)) return second
  }
  note('the builder has lost a layer that its cache knows: everything is built again, without its cache')
  const last = await buildOnce({ ...options, noCache: true })
  if (!(last instanceof LostLayer)) return last
  throw new StillroomError(
    'BUILD_FAILED',
    `the builder has lost a layer that it needs, and does so without its cache, too: ${last.said}`,
    { hint: 'empty its cache with `docker builder prune --all`, then build again' },
  )
}

/** That a builder's cache leads to a layer that is not in its store. */
class LostLayer {
  /** What it said. */
  readonly said: string
  /** The record of the cache, when it named one. */
  readonly record: string | undefined

  constructor(said: string) {
    this.said = said
    this.record = /failed to prepare (\S+) as /.exec(said)?.[1]
  }
}

/** How engines say so: their own layer store, and the snapshotters of BuildKit and containerd. */
const LOST =
  /layer does not exist|failed to prepare \S+ as \S+:.*not ?found|parent snapshot \S+ does not exist|failed to get deleted record|failed to load cache: not found/i

/** Takes a record out of a builder's cache; whether there was one. */
async function forget(record: string, { builder, signal }: BuildOptions): Promise<boolean> {
  const { failed, stdout } = await execa(
    'docker',
    ['buildx', 'prune', '--force', '--filter', `id=${record}`, ...(builder ? ['--builder', builder] : [])],
    { reject: false, cancelSignal: signal },
  )
  return !failed && stdout.includes(record)
}

async function buildOnce(options: BuildOptions): Promise<BuiltImage | LostLayer> {
  const scratch = await mkdtemp(join(tmpdir(), 'stillroom-build-'))
  try {
    const metadata = join(scratch, 'metadata.json')
    const file = join(scratch, 'Dockerfile')
    const { dockerfile, context } = options
    if (dockerfile !== undefined) await writeFile(file, dockerfile)
    const other = dockerfile === undefined ? [] : ['--file', file]
    const lost = await runBuildx(
      [...buildxArguments(options), ...other, '--metadata-file', metadata, context],
      options,
    )
    if (lost !== undefined) return lost
    const written = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, string>
    const id = written['containerimage.config.digest']
    if (id === undefined) throw new Error(`buildx wrote no config digest: ${JSON.stringify(written)}`)
    return { id, reference: written['containerimage.digest'] ?? id }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** A buildx builder in words: its name and, where buildx knows it, the version of its BuildKit. */
export async function describeBuilder(name: string): Promise<string> {
  const { stdout } = await execa('docker', ['buildx', 'inspect', name], { reject: false })
  const [, version] = /^BuildKit(?: version)?:\s*(\S+)/m.exec(stdout) ?? []
  return version === undefined ? name : `${name}, BuildKit ${version}`
}

function buildxArguments(options: BuildOptions): string[] {
  const { tag, target, noCache, again = [], builder, platform, epoch } = options
  return [
    ...['buildx', 'build', '--progress=rawjson', '--provenance=false', '--sbom=false', '--load'],
    ...['--platform', platform, '--build-arg', `SOURCE_DATE_EPOCH=${epoch}`],
    ...(tag ? ['--tag', tag] : []),
    ...(target ? ['--target', target] : []),
    ...(noCache ? ['--no-cache'] : []),
    ...again.flatMap((stage) => ['--no-cache-filter', stage]),
    ...(builder ? ['--builder', builder] : []),
  ]
}

async function runBuildx(
  args: string[],
  { signal, onProgress, epoch, disk }: BuildOptions,
): Promise<LostLayer | undefined> {
  using space = watchSpace(disk)
  const child = execa('docker', args, {
    cancelSignal: signal,
    forceKillAfterDelay: 5000,
    reject: false,
    buffer: false,
    stdin: 'ignore',
    stdout: 'ignore',
    env: { SOURCE_DATE_EPOCH: String(epoch), BUILDX_METADATA_PROVENANCE: 'disabled' },
  })
  const progress = new ProgressReader(onProgress)
  const lines = createInterface({ input: child.stderr })
  lines.on('line', (line) => progress.read(line))
  const [result] = await Promise.all([child, once(lines, 'close')])
  if (signal.aborted)
    throw new StillroomError('INTERRUPTED', 'the build was interrupted', { cause: signal.reason })
  if (!result.failed) return undefined
  // not what a step printed
  const said = [...progress.failed.map(({ error }) => error), ...progress.other].find((line) =>
    LOST.test(line),
  )
  if (said !== undefined) return new LostLayer(said)
  throw buildError(progress, result.exitCode, result.cause, space.least())
}

/** What is left to root alone, or too little for a file: a build that failed then has failed for that. */
const NOTHING_LEFT = 32e6
const WATCH_MS = 100

/**
 * Watches the free space of a disk. A program that cannot write can often not say so either, as its log is on the same disk;
 * and when a step has failed, BuildKit frees what it took.
 */
function watchSpace(directory: string | undefined): Disposable & { least: () => number | undefined } {
  let least: number | undefined
  const look = async () => {
    const system = directory === undefined ? undefined : await statfs(directory).catch(() => undefined)
    // some file systems do not say
    if (system?.blocks) least = Math.min(least ?? Number.POSITIVE_INFINITY, system.bavail * system.bsize)
  }
  void look()
  const timer = directory === undefined ? undefined : setInterval(() => void look(), WATCH_MS)
  return { least: () => least, [Symbol.dispose]: () => clearInterval(timer) }
}

interface RawStatus {
  vertexes?: { digest: string; name?: string; started?: string; error?: string }[]
  logs?: { vertex: string; data: string }[]
}

/**
 * Reads the lines of `--progress=rawjson`: objects of BuildKit's SolveStatus, log data in base64. buildx 0.13 indents
 * them over many lines, later ones write one a line; only an object's first and last line start in column 0.
 */
class ProgressReader {
  readonly failed: { name: string; error: string; log: string }[] = []
  readonly other: string[] = []
  /** The line by which a step said that a disk is full. */
  saidFull: string | undefined
  readonly #names = new Map<string, string>()
  readonly #logs = new Map<string, string>()
  readonly #onProgress: BuildOptions['onProgress']
  #open: string[] = []

  constructor(onProgress: BuildOptions['onProgress']) {
    this.#onProgress = onProgress
  }

  read(line: string): void {
    if (this.#open.length === 0 && !line.startsWith('{')) {
      if (line.trim() !== '') this.other.push(line)
      return
    }
    this.#open.push(line)
    if (!line.endsWith('}') || /^\s/.test(line)) return
    const text = this.#open.join('\n')
    this.#open = []
    this.#readStatus(JSON.parse(text) as RawStatus)
  }

  #readStatus(status: RawStatus): void {
    for (const { vertex, data } of status.logs ?? []) {
      const text = Buffer.from(data, 'base64').toString('utf8')
      const before = this.#logs.get(vertex) ?? ''
      const tail = `${before.slice(-100)}${text}`
      this.saidFull ??= tail.split('\n').find((line) => NO_SPACE.test(line))
      this.#logs.set(vertex, (before + text).slice(-8000))
      this.#onProgress?.({ kind: 'log', text })
    }
    for (const { digest, name, started, error } of status.vertexes ?? []) {
      if (name && started && !this.#names.has(digest)) {
        this.#names.set(digest, name)
        this.#onProgress?.({
          kind: 'step',
          name: name.replace(/ --(mount|network|from|link)\S*/g, '').replace(/\s+/g, ' '),
        })
      }
      if (error && !/context canceled/.test(error)) {
        this.failed.push({
          name: name ?? this.#names.get(digest) ?? digest,
          error,
          log: this.#logs.get(digest) ?? '',
        })
      }
    }
  }
}

function buildError(
  progress: ProgressReader,
  exitCode: number | undefined,
  cause: unknown,
  least: number | undefined,
): StillroomError {
  const said = progress.other.join('\n')
  const step = progress.failed[0]
  const text = `${step?.error ?? ''}\n${step?.log ?? ''}\n${said}`
  const hasNoBuildx = /^unknown flag: --progress|'buildx' is not a docker command/m.test(said)
  if (exitCode === undefined || hasNoBuildx) {
    const lack = hasNoBuildx ? 'docker has no buildx plugin' : 'docker could not be started'
    return new StillroomError('ENGINE_MISSING', `${lack} to build the image`, {
      hint: 'install the docker command with its buildx plugin; `stillroom doctor` says what this machine lacks',
      cause,
    })
  }
  const saysFull = progress.saidFull ?? NO_SPACE.exec(text)?.[0]
  if (saysFull !== undefined || (least !== undefined && least < NOTHING_LEFT)) {
    const seen = saysFull ?? `${Math.floor((least as number) / 1e6)} MB were left`
    return new StillroomError(
      'DISK_FULL',
      `the disk of the Docker Engine is full, seen while building the image: ${seen}`,
      { hint: FREE_SPACE, ...(step ? { details: { step: step.name } } : {}) },
    )
  }
  if (
    /Cannot connect to the Docker daemon|error reading from server|connection refused|transport is closing|closing transport|EOF$|broken pipe|no such file or directory.*docker\.sock/m.test(
      text,
    )
  ) {
    return new StillroomError(
      'ENGINE_LOST',
      `the connection to the Docker Engine broke while building the image: ${lastLine(said || text)}`,
      {
        hint: 'see whether the engine still runs (`stillroom doctor`), then build again',
      },
    )
  }
  const reason = step ? `${step.error}\nin ${step.name}\n${lastLines(step.log, 40)}` : lastLines(said, 20)
  const code = /did not complete successfully/.test(step?.error ?? '') ? 'STEP_FAILED' : 'BUILD_FAILED'
  return new StillroomError(code, `the image could not be built: ${reason.trim()}`, {
    ...(step ? { details: { step: step.name } } : {}),
  })
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
