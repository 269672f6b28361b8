import { readFile } from 'node:fs/promises'
import { contextArtifacts } from '../dockerfile/context-artifacts.ts'
import { stepName } from '../dockerfile/step-name.ts'
import { buildImage } from '../engine/build-image.ts'
import { connectEngine, type Engine } from '../engine/connect.ts'
import { withContainer } from '../engine/container.ts'
import { removeImage } from '../engine/find-image.ts'
import { StillroomError } from '../error.ts'
import { compareInputs, type InputChange } from '../lock/compare-inputs.ts'
import {
  LOCKFILE_VERSION,
  type LockedBase,
  type LockedImage,
  type LockedPlatform,
  type LockedStep,
  type Lockfile,
} from '../lock/schema.ts'
import { serializeLock } from '../lock/serialize-lock.ts'
import type { LoadedRecipe } from '../recipe/load-recipe.ts'
import type { Base, FileStep, PipStep, Recipe, Step } from '../recipe/schema.ts'
import { resolveApt } from '../resolve/apt/resolve-apt.ts'
import { type FetchedIndex, fetchIndexes } from '../resolve/debian/fetch-indexes.ts'
import { type Get, httpGet } from '../resolve/debian/http-get.ts'
import { loadKeyring } from '../resolve/debian/keyring.ts'
import { refetchIndexes } from '../resolve/debian/refetch-indexes.ts'
import { resolveBase } from '../resolve/debian/resolve-base.ts'
import { resolveFile } from '../resolve/file/resolve-file.ts'
import { resolvePip } from '../resolve/python/resolve-pip.ts'
import { trustedCertificates } from '../resolve/sources/find-certificates.ts'
import { redactUrl } from '../resolve/sources/redact-url.ts'
import { downloadUnpinned } from '../store/download-unpinned.ts'
import { fetchInputs } from './fetch-inputs.ts'
import { renderGenerated, writeGenerated } from './generated.ts'
import { lockGit } from './git-sources.ts'
import { loadInputs, type RecipeInputs } from './load-inputs.ts'
import { lockedPlatform, readLock, writeLock } from './lock-file.ts'
import type { Session } from './session.ts'
import { stageContext } from './stage-context.ts'

export interface LockOptions {
  /** Take the newest of everything; without it, what the recipe still asks for as before stays as it is. */
  upgrade: boolean
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
  session: Session,
  name: string,
): Promise<{ recipe: string; stale: boolean; changes: InputChange[] }> {
  const { inputs } = await loadInputs(session, name)
  const lock = await readLock(session.directory, name)
  const changes = compareInputs(lock?.inputs ?? { checksum: '', fields: {} }, inputs)
  return { recipe: name, stale: changes.length > 0, changes }
}

/** Resolves a recipe to exact pins, and writes its lockfile and its build context. */
export async function lockRecipe(session: Session, name: string, options: LockOptions): Promise<LockResult> {
  const { directory, progress } = session
  progress({ kind: 'stage', title: `reading recipe ${name}` })
  const loaded = await loadInputs(session, name)
  const { recipe, inputs } = loaded
  const present = await readLock(directory, name).catch((error: unknown) => {
    if (options.upgrade && error instanceof StillroomError) return undefined
    throw error
  })
  const changes = compareInputs(present?.inputs ?? { checksum: '', fields: {} }, inputs)
  const old = present?.platforms[recipe.platform]
  if (present && old && changes.length === 0 && !options.upgrade) {
    return { recipe: name, outcome: 'current', changes, lock: present }
  }
  const changed = new Set(changes.map((change) => change.field))
  const locked = await resolve(
    session,
    loaded,
    options.upgrade || changed.has('base') ? undefined : old,
    changed,
  )
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

/**
 * @param old pins to stay with where the recipe still asks for the same
 * @param changed fields of the recipe that differ from what `old` was made from
 */
async function resolve(
  session: Session,
  loaded: RecipeInputs,
  old: LockedPlatform | undefined,
  changed: ReadonlySet<string>,
): Promise<LockedPlatform> {
  const { recipe, projects } = loaded
  const indexes = new LazyIndexes(session, recipe, old?.base)
  const base = old?.base ?? (await resolveLockedBase(session, recipe.base, indexes))
  const epoch = Math.max(...base.indexes.map((index) => Date.parse(index.date))) / 1000
  const steps: LockedStep[] = []
  // a kept step stands on kept steps only: what it was resolved on top of must be the same
  let keep = old !== undefined
  for (const [index, step] of recipe.steps.entries()) {
    const pinned = old?.steps[index]
    const project = projects.get(index)
    if (project) {
      steps.push(project)
    } else if (keep && pinned?.kind === step.kind && !changed.has(`steps[${index}]`)) {
      steps.push(pinned)
    } else {
      keep = false
      steps.push(
        await resolveStep(session, loaded, { epoch, base, steps: [...steps], image: null }, step, indexes),
      )
    }
  }
  return { epoch, base, steps, image: null }
}

async function resolveLockedBase(session: Session, base: Base, indexes: LazyIndexes): Promise<LockedBase> {
  if (base.kind === 'image') throw new Error('bases from a registry are not resolved yet')
  session.progress({ kind: 'stage', title: `resolving Debian ${base.suite}` })
  return resolveBase(base.suite, await indexes.get())
}

async function resolveStep(
  session: Session,
  { name, recipe, directory }: RecipeInputs,
  before: LockedPlatform,
  step: Step,
  indexes: LazyIndexes,
): Promise<LockedStep> {
  const { signal, progress } = session
  if (step.kind === 'run') return { kind: 'run' }
  if (step.kind === 'git') return lockGit(session, step)
  if (step.kind === 'file') return lockFile(session, step)
  if (step.kind === 'project') throw new Error('projects are pinned from git')
  const engine = await connectEngine()
  const tag = `stillroom-resolve/${name}:${process.pid}`
  try {
    const image = await buildBefore(session, { name, recipe, directory }, before, tag)
    progress({ kind: 'stage', title: `resolving ${stepName(before.steps.length, step.kind)} in a container` })
    if (step.kind === 'pip') return await resolvePipStep(session, engine, image, step)
    const fetched = await indexes.get()
    return await withContainer(engine, { image, network: 'none', user: '0', signal }, (sandbox) =>
      resolveApt(step, fetched, sandbox),
    )
  } finally {
    await removeImage(engine, tag)
  }
}

async function lockFile(session: Session, step: FileStep): Promise<LockedStep> {
  const { store, signal } = session
  session.progress({ kind: 'stage', title: `fetching ${redactUrl(step.url)}` })
  const { ca } = await session.sources()
  const trust = ca === undefined ? {} : { ca }
  return resolveFile(step, (url) => downloadUnpinned({ url, label: 'download', ...trust }, { store, signal }))
}

async function resolvePipStep(
  session: Session,
  engine: Engine,
  image: string,
  step: PipStep,
): Promise<LockedStep> {
  const { signal, store } = session
  const { pypi, ca } = await session.sources()
  // pip takes a list of certificates instead of its own, not in addition
  const certificates = ca === undefined ? undefined : Buffer.from(trustedCertificates(ca).join('\n'))
  return withContainer(engine, { image, network: 'host', user: '0', signal }, (sandbox) =>
    resolvePip(step, {
      sandbox,
      environment: { ...proxySettings(session.env), ...pypi.env },
      certificates,
      keep: (content) => store.put(content),
    }),
  )
}

/** The machine's way out, for a pip that is to reach what the machine's own reaches. */
function proxySettings(env: Session['env']): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
    name,
    name.toLowerCase(),
  ])
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

/** Builds the image as it is before a step, to resolve the step in. */
async function buildBefore(
  session: Session,
  { name, recipe, directory }: LoadedRecipe,
  before: LockedPlatform,
  tag: string,
): Promise<string> {
  const { signal, progress } = session
  const partial: Recipe = { ...recipe, steps: recipe.steps.slice(0, before.steps.length) }
  const artifacts = contextArtifacts(before)
  progress({ kind: 'stage', title: 'fetching artifacts' })
  await fetchInputs(session, artifacts, before)
  const context = await stageContext(
    session,
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
  readonly #session: Session
  readonly #recipe: Recipe
  readonly #base: LockedBase | undefined
  #fetched: Promise<FetchedIndex[]> | undefined

  constructor(session: Session, recipe: Recipe, base: LockedBase | undefined) {
    this.#session = session
    this.#recipe = recipe
    this.#base = base
  }

  get(): Promise<FetchedIndex[]> {
    this.#fetched ??= this.#fetch()
    return this.#fetched
  }

  async #fetch(): Promise<FetchedIndex[]> {
    const { store } = this.#session
    const { base } = this.#recipe
    if (base.kind === 'image') throw new Error('indexes of an image are not read yet')
    const sources = await this.#session.sources()
    const get: Get = (url, options) => httpGet(url, { ...options, ca: sources.ca })
    const options = { get, sources: sources.debian, keys: await loadKeyring(), now: new Date() }
    const cached = async (sha256: string) => readFile(store.path(sha256)).catch(() => undefined)
    const fetched = this.#base
      ? await refetchIndexes(this.#base.indexes, { ...options, snapshot: sources.snapshot, cached })
      : await fetchIndexes(base.suite, options)
    // kept so that the same lock can be extended after the mirrors have moved on
    for (const { inRelease, packages } of fetched) {
      await store.put(inRelease)
      await store.put(packages)
    }
    return fetched
  }
}
