import { readFile } from 'node:fs/promises'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import { buildImage } from '../../engine/build-image.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { withContainer } from '../../engine/container.ts'
import { removeImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { compareInputs, type InputChange } from '../../lock/compare-inputs.ts'
import {
  LOCKFILE_VERSION,
  type LockedBase,
  type LockedImage,
  type LockedPlatform,
  type LockedStep,
  type Lockfile,
} from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { type Get, httpGet } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { trustedCertificates } from '../../net/trusted-certificates.ts'
import type { FileStep, PipStep, Recipe, Step } from '../../recipe/schema.ts'
import { resolveApt } from '../../resolve/apt/resolve-apt.ts'
import { type FetchedIndex, fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring } from '../../resolve/debian/keyring.ts'
import { refetchIndexes } from '../../resolve/debian/refetch-indexes.ts'
import { resolveBase } from '../../resolve/debian/resolve-base.ts'
import { resolveFile } from '../../resolve/file/resolve-file.ts'
import { resolvePip } from '../../resolve/python/resolve-pip.ts'
import { downloadUnpinned } from '../../store/download-unpinned.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import { stageContext } from '../build/stage-context.ts'
import type { Artifacts, Cache, Cancellation, Environment, Fetching, Reporting, Upstreams } from '../ports.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import { loadInputs, type RecipeInputs } from '../project/load-inputs.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, readLock, writeLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { lockGit } from './git-sources.ts'
import { lockedImageIndexes, lockImageBase, withIndexes } from './lock-image-base.ts'
import {
  askedVersions,
  type KeptVersion,
  keptVersions,
  planUpgrade,
  stayingWith,
  type UpgradePlan,
  type UpgradeRoom,
} from './upgrade-plan.ts'

export interface LockOptions {
  /**
   * `all`: take the newest of everything. Names of packages: these move, and what must move with them. Undefined: what
   * the recipe still asks for as before stays as it is.
   */
  upgrade: 'all' | readonly string[] | undefined
}

export interface LockResult {
  recipe: string
  /** `current`: the lock was good and stays as it is. */
  outcome: 'written' | 'current'
  changes: InputChange[]
  lock: Lockfile
}

/** Says whether, and why, the lock of a recipe is stale; writes nothing. */
export async function checkLock(
  directory: string,
  name: string,
): Promise<{ recipe: string; stale: boolean; changes: InputChange[] }> {
  const { inputs } = await loadInputs(directory, name)
  const lock = await readLock(directory, name)
  const changes = compareInputs(lock?.inputs ?? { checksum: '', fields: {} }, inputs)
  return { recipe: name, stale: changes.length > 0, changes }
}

/** Resolves a recipe to exact pins, and writes its lockfile and its build context. */
export async function lockRecipe(session: Session, name: string, options: LockOptions): Promise<LockResult> {
  const { directory, progress } = session
  progress({ kind: 'stage', title: `reading recipe ${name}` })
  const loaded = await loadInputs(directory, name)
  const { recipe, inputs } = loaded
  const present = await readLock(directory, name).catch((error: unknown) => {
    if (options.upgrade === 'all' && error instanceof StillroomError) return undefined
    throw error
  })
  const changes = compareInputs(present?.inputs ?? { checksum: '', fields: {} }, inputs)
  const old = present?.platforms[recipe.platform]
  if (present && old && changes.length === 0 && options.upgrade === undefined) {
    return { recipe: name, outcome: 'current', changes, lock: present }
  }
  const changed = new Set(changes.map((change) => change.field))
  const afresh = options.upgrade === 'all' || changed.has('base')
  const locked = await resolve(session, loaded, afresh ? undefined : old, changed, planOf(options, name, old))
  const fresh = (image: LockedImage | null): Lockfile => ({
    lockfileVersion: LOCKFILE_VERSION,
    recipe: name,
    inputs,
    platforms: { [recipe.platform]: { ...locked, image } },
  })
  // the recorded image stays true when nothing that decides it has changed
  const image = old?.image ?? null
  const same =
    present !== undefined && changes.length === 0 && serializeLock(present) === serializeLock(fresh(image))
  const { lock, written } = await writeLock(directory, name, fresh(same ? image : null))
  await writeGenerated(directory, name, await renderGenerated(name, recipe, lockedPlatform(lock, recipe)))
  return { recipe: name, outcome: written ? 'written' : 'current', changes, lock }
}

/** @throws {StillroomError} LOCK_MISSING: without a lock there is nothing that could move */
function planOf(
  { upgrade }: LockOptions,
  name: string,
  old: LockedPlatform | undefined,
): UpgradePlan | undefined {
  if (upgrade === undefined || upgrade === 'all') return undefined
  if (old) return planUpgrade(old, upgrade)
  throw new StillroomError(
    'LOCK_MISSING',
    `recipe "${name}" has no lock in which ${upgrade.join(', ')} could move`,
    {
      hint: `make it: stillroom lock recipe ${name}`,
    },
  )
}

/**
 * @param old pins to stay with where the recipe still asks for the same
 * @param changed fields of the recipe that differ from what `old` was made from
 */
async function resolve(
  ports: Cache & Fetching,
  loaded: RecipeInputs,
  old: LockedPlatform | undefined,
  changed: ReadonlySet<string>,
  plan: UpgradePlan | undefined,
): Promise<LockedPlatform> {
  const { recipe, projects } = loaded
  const indexes = new LazyIndexes(ports, recipe, old?.base, plan?.apt ?? false)
  const base = await resolveLockedBase(ports, recipe, old?.base, indexes, plan)
  const dates = base.indexes.map((index) => index.date).concat(base.kind === 'image' ? base.created : [])
  const epoch = Math.max(...dates.map((date) => Date.parse(date))) / 1000
  const steps: LockedStep[] = []
  // a kept step stands on kept steps only: what it was resolved on top of must be the same
  let keep = old !== undefined
  for (const [index, step] of recipe.steps.entries()) {
    const pinned = old?.steps[index]
    const project = projects.get(index)
    if (project) {
      steps.push(project)
    } else if (
      (keep || isAlone(step)) &&
      pinned?.kind === step.kind &&
      !changed.has(`steps[${index}]`) &&
      !plan?.asked.has(index)
    ) {
      steps.push(pinned)
    } else {
      keep = false
      // whatever is to move, all else stays as long as it can
      const asked = plan?.asked.get(index)
      const room =
        pinned?.kind === step.kind
          ? { stay: keptVersions(pinned, asked), beyond: askedVersions(pinned, asked), pinned }
          : undefined
      const before = { epoch, base, steps: [...steps], image: null }
      steps.push(await resolveStep(ports, loaded, before, step, indexes, room))
    }
  }
  return { epoch, base, steps, image: null }
}

/** Whether what a step is resolved to has nothing to do with the steps before it. */
function isAlone({ kind }: Step): boolean {
  return kind === 'git' || kind === 'file'
}

/** The base of the lock at hand, with the present indexes besides its own when an apt package is to move. */
async function resolveLockedBase(
  ports: Fetching,
  recipe: Recipe,
  old: LockedBase | undefined,
  indexes: LazyIndexes,
  plan: UpgradePlan | undefined,
): Promise<LockedBase> {
  if (old?.kind === 'image') {
    const lacks = old.indexes.length === 0 && recipe.steps.some(({ kind }) => kind === 'apt')
    return lacks || plan?.apt ? withIndexes(ports, old) : old
  }
  if (old) return plan?.apt ? { ...old, indexes: (await indexes.get()).map(({ index }) => index) } : old
  const { base } = recipe
  if (base.kind === 'image') return lockImageBase(ports, recipe)
  ports.progress({ kind: 'stage', title: `resolving Debian ${base.suite}` })
  return resolveBase(base.suite, await indexes.get())
}

async function resolveStep(
  ports: Cache & Fetching,
  { name, recipe, directory }: RecipeInputs,
  before: LockedPlatform,
  step: Step,
  indexes: LazyIndexes,
  room: UpgradeRoom | undefined,
): Promise<LockedStep> {
  const { signal, progress } = ports
  if (step.kind === 'run') return { kind: 'run' }
  if (step.kind === 'git') return lockGit(ports, step)
  if (step.kind === 'file') return lockFile(ports, step)
  if (step.kind === 'project') throw new Error('projects are pinned from git')
  const engine = await connectEngine()
  const tag = `stillroom-resolve/${name}:${process.pid}`
  try {
    const image = await buildBefore(ports, { name, recipe, directory }, before, tag)
    progress({ kind: 'stage', title: `resolving ${stepName(before.steps.length, step.kind)} in a container` })
    const stay = room?.stay ?? []
    const told = (names: string[]) =>
      progress({ kind: 'note', text: `these cannot all stay as they are: ${names.join(', ')}` })
    if (step.kind === 'pip') {
      const attempt = (kept: readonly KeptVersion[]) =>
        resolvePipStep(ports, engine, image, step, { stay: kept, beyond: room?.beyond ?? [] })
      return await stayingWith(stay, attempt, told).catch((error) => asItWas(ports, room, error))
    }
    const { base } = before
    const fetched = base.kind === 'image' ? await lockedImageIndexes(ports, base) : await indexes.get()
    const attempt = (kept: readonly KeptVersion[]) =>
      withContainer(engine, { image, network: 'none', user: '0', signal }, (sandbox) =>
        resolveApt(step, fetched, sandbox, kept),
      )
    return await stayingWith(stay, attempt, told)
  } finally {
    await removeImage(engine, tag)
  }
}

/** That nothing newer fits is no failure: the step stays as it is locked. */
function asItWas(ports: Reporting, room: UpgradeRoom | undefined, error: unknown): LockedStep {
  const conflict =
    error instanceof StillroomError && ['PIP_CONFLICT', 'PIP_PACKAGE_UNKNOWN'].includes(error.code)
  if (!room || room.beyond.length === 0 || !conflict) throw error
  const names = room.beyond.map(({ name, version }) => `${name} ${version}`).join(', ')
  ports.progress({ kind: 'note', text: `nothing newer than ${names} fits what the recipe asks for` })
  return room.pinned
}

async function lockFile(
  ports: Cancellation & Reporting & Artifacts & Upstreams,
  step: FileStep,
): Promise<LockedStep> {
  const { store, signal } = ports
  ports.progress({ kind: 'stage', title: `fetching ${redactUrl(step.url)}` })
  const { ca } = await ports.sources()
  const trust = ca === undefined ? {} : { ca }
  return resolveFile(step, (url) => downloadUnpinned({ url, label: 'download', ...trust }, { store, signal }))
}

async function resolvePipStep(
  ports: Environment & Cancellation & Artifacts & Upstreams,
  engine: Engine,
  image: string,
  step: PipStep,
  { stay, beyond }: Pick<UpgradeRoom, 'stay' | 'beyond'>,
): Promise<LockedStep> {
  const { signal, store } = ports
  const { pypi, ca } = await ports.sources()
  // pip takes a list of certificates instead of its own, not in addition
  const certificates = ca === undefined ? undefined : Buffer.from(trustedCertificates(ca).join('\n'))
  return withContainer(engine, { image, network: 'host', user: '0', signal }, (sandbox) =>
    resolvePip(step, {
      sandbox,
      environment: { ...proxySettings(ports.env), ...pypi.env },
      certificates,
      stay,
      beyond,
      keep: (content) => store.put(content),
    }),
  )
}

/** The machine's way out, for a pip that is to reach what the machine's own reaches. */
function proxySettings(env: Environment['env']): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ])
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

/** Builds the image as it is before a step, to resolve the step in. */
async function buildBefore(
  ports: Cache & Fetching,
  { name, recipe, directory }: LoadedRecipe,
  before: LockedPlatform,
  tag: string,
): Promise<string> {
  const { signal, progress } = ports
  const partial: Recipe = { ...recipe, steps: recipe.steps.slice(0, before.steps.length) }
  const artifacts = contextArtifacts(before)
  progress({ kind: 'stage', title: 'fetching artifacts' })
  await fetchInputs(ports, artifacts, before)
  const context = await stageContext(
    ports,
    await renderGenerated(name, partial, before),
    artifacts,
    directory,
    before.epoch,
  )
  progress({ kind: 'stage', title: 'building what comes before' })
  const last = partial.steps.at(-1)
  const { reference } = await buildImage({
    context,
    platform: recipe.platform,
    epoch: before.epoch,
    target: last ? stepName(partial.steps.length - 1, last.kind) : 'base',
    tag,
    signal,
    onProgress: (event) => event.kind === 'step' && progress({ kind: 'status', text: event.name }),
  })
  return reference
}

/** A suite's indexes, fetched when a step needs them: the locked ones when the base stays as it is. */
class LazyIndexes {
  readonly #ports: Artifacts & Upstreams
  readonly #recipe: Recipe
  readonly #base: LockedBase | undefined
  readonly #renewed: boolean
  #fetched: Promise<FetchedIndex[]> | undefined

  /** @param renewed the present ones besides those of the lock */
  constructor(ports: Artifacts & Upstreams, recipe: Recipe, base: LockedBase | undefined, renewed: boolean) {
    this.#renewed = renewed
    this.#ports = ports
    this.#recipe = recipe
    this.#base = base
  }

  get(): Promise<FetchedIndex[]> {
    this.#fetched ??= this.#fetch()
    return this.#fetched
  }

  async #fetch(): Promise<FetchedIndex[]> {
    const { store } = this.#ports
    const { base } = this.#recipe
    if (base.kind === 'image') throw new TypeError('a base from a registry has indexes of its own')
    const sources = await this.#ports.sources()
    const get: Get = (url, options) => httpGet(url, { ...options, ca: sources.ca })
    const options = { get, sources: sources.debian, keys: await loadKeyring(), now: new Date() }
    const cached = async (sha256: string) => readFile(store.path(sha256)).catch(() => undefined)
    const locked = this.#base
      ? await refetchIndexes(this.#base.indexes, { ...options, snapshot: sources.snapshot, cached })
      : []
    const present = !this.#base || this.#renewed ? await fetchIndexes(base.suite, options) : []
    const known = new Set(locked.map(({ index }) => index.release))
    const fetched = [...locked, ...present.filter(({ index }) => !known.has(index.release))]
    // kept so that the same lock can be extended after the mirrors have moved on
    for (const { inRelease, packages } of fetched) {
      await store.put(inRelease)
      await store.put(packages)
    }
    return fetched
  }
}
