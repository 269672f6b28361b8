import { readFile } from 'node:fs/promises'
import { stepName } from '../../dockerfile/step-name.ts'
import { connectEngine } from '../../engine/connect.ts'
import { type KeptContainer, keepContainer, withContainer } from '../../engine/container.ts'
import { removeImage } from '../../engine/find-image.ts'
import type { BasePlan } from '../../lock/plan-lock.ts'
import type { DebianIndex, LockedPlatform, LockedStep } from '../../lock/schema.ts'
import { isDebians } from '../../lock/suite-indexes.ts'
import { createGet } from '../../net/http-get.ts'
import { proxySettings } from '../../net/proxy-for.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { trustedCertificates } from '../../net/trusted-certificates.ts'
import type { FileStep, Recipe } from '../../recipe/schema.ts'
import type { OtherPackages } from '../../resolve/apt/check-packages.ts'
import { type FetchedIndex, fetchIndexes, fetchOtherIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring, suiteSigners } from '../../resolve/debian/keyring.ts'
import { fetchArchives, refetchArchives } from '../../resolve/debian/other-archives.ts'
import { readVersions } from '../../resolve/debian/read-packages.ts'
import { refetchIndexes } from '../../resolve/debian/refetch-indexes.ts'
import { resolveBase } from '../../resolve/debian/resolve-base.ts'
import { resolveFile } from '../../resolve/file/resolve-file.ts'
import { downloadUnpinned } from '../../store/download.ts'
import { buildInputs } from '../build/build-locked.ts'
import type { Artifacts, Cache, Cancellation, Fetching, Reporting, Upstreams } from '../ports.ts'
import { renderGenerated } from '../project/generated.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { AptContainer } from './apt-container.ts'
import type { LockResolvers } from './carry-out-plan.ts'
import { lockGit } from './git-sources.ts'
import { besideRecipe, lockedImageIndexes, lockImageBase, withIndexes } from './lock-image-base.ts'

/**
 * The resolvers of a recipe: against this machine's sources, in containers of the engine.
 *
 * @param known indexes that were locked before: none is taken that is older
 */
export function lockResolvers(
  ports: Fetching & Cache,
  loaded: LoadedRecipe,
  plan: BasePlan,
  known: readonly DebianIndex[],
): LockResolvers & AsyncDisposable {
  const { recipe } = loaded
  const { signal, progress } = ports
  const apt = new AptContainer(ports, recipe.steps, (before) => openImage(ports, loaded, before))
  // fetched when the base or a step needs them
  let fetched: Promise<FetchedIndex[]> | undefined
  const indexes = () => {
    fetched ??= fetchSuite(ports, loaded, plan, known)
    return fetched
  }
  return {
    base: async (open) => {
      if (open.action === 'resolve') {
        if (recipe.base.kind === 'image') return lockImageBase(ports, loaded, known)
        progress({ kind: 'stage', title: `resolving Debian ${recipe.base.suite}` })
        return resolveBase(recipe.base.suite, await indexes())
      }
      if (open.locked.kind === 'image') return withIndexes(ports, loaded, open.locked, known)
      return { ...open.locked, indexes: (await indexes()).map(({ index }) => index) }
    },
    git: (step) => lockGit(ports, step),
    file: (step) => lockFile(ports, step),
    withImageBefore: async (before, next, use) => {
      const title = `resolving ${stepName(before.steps.length, next.kind)} in a container`
      if (next.kind === 'apt')
        return use((_network, resolve) =>
          apt.use(before, (sandbox) => {
            progress({ kind: 'stage', title })
            return resolve(sandbox)
          }),
        )
      const engine = await connectEngine({ signal, progress })
      const tag = resolveTag(loaded, 'pip')
      try {
        const image = await buildBefore(ports, loaded, before, tag)
        progress({ kind: 'stage', title })
        return await use((network, resolve) =>
          withContainer(engine, { image, network, user: '0', signal }, resolve),
        )
      } finally {
        await removeImage(engine, tag)
      }
    },
    aptIndexes: (base) => (base.kind === 'image' ? lockedImageIndexes(ports, loaded, base) : indexes()),
    otherPackages: () => findOtherPackages(ports, recipe),
    suiteIndex: (base) => {
      const own = base.indexes.filter(({ archive, suite }) => archive === 'debian' && suite === base.suite)
      return fetchSuite(ports, loaded, { action: 'keep', locked: { ...base, indexes: own } }, [])
    },
    pipSettings: async () => {
      const { pypi, ca } = await ports.sources()
      return {
        settings: pypi.settings,
        environment: proxySettings([...pypi.indexes, ...pypi.findLinks], ports.env),
        // pip takes a list of certificates instead of its own, not in addition
        certificates: ca === undefined ? undefined : Buffer.from(trustedCertificates(ca).join('\n')),
        keep: (content) => ports.store.put(content),
      }
    },
    note: (text) => progress({ kind: 'note', text }),
    [Symbol.asyncDispose]: () => apt[Symbol.asyncDispose](),
  }
}

const resolveTag = ({ name }: LoadedRecipe, kind: LockedStep['kind']) =>
  `stillroom-resolve/${name}:${kind}-${process.pid}`

/** A container without network of the image of a recipe's first steps; with it goes the image. */
async function openImage(
  ports: Fetching & Cache,
  loaded: LoadedRecipe,
  before: LockedPlatform,
): Promise<KeptContainer> {
  const { signal, progress } = ports
  const engine = await connectEngine({ signal, progress })
  const tag = resolveTag(loaded, 'apt')
  try {
    const last = before.steps.at(-1)
    const why = last && `, as ${stepName(before.steps.length - 1, last.kind)} may have changed how apt plans`
    const image = await buildBefore(ports, loaded, before, tag, why)
    const container = await keepContainer(engine, { image, network: 'none', user: '0', signal })
    return {
      use: container.use,
      [Symbol.asyncDispose]: async () => {
        await container[Symbol.asyncDispose]()
        await removeImage(engine, tag)
      },
    }
  } catch (error) {
    await removeImage(engine, tag)
    throw error
  }
}

/** A suite's indexes: those of a base that stays, the present ones of any other; both for one that is refreshed. */
async function fetchSuite(
  { store, sources, signal }: Artifacts & Upstreams & Cancellation,
  loaded: LoadedRecipe,
  plan: BasePlan,
  known: readonly DebianIndex[],
): Promise<FetchedIndex[]> {
  const { base, archives } = loaded.recipe
  if (base.kind === 'image') throw new TypeError('a base from a registry has indexes of its own')
  const { debian, past, snapshot, oldReleases, ca } = await sources()
  const get = createGet({ ca, signal })
  const keys = await loadKeyring()
  const pinned = past !== undefined
  const mirrors = { get, sources: past ?? debian, oldReleases, keys, pinned }
  const cached = async (sha256: string) => readFile(store.path(sha256)).catch(() => undefined)
  const options = { ...mirrors, signers: suiteSigners, now: new Date(), cached }
  const others = { get, now: options.now, known, cached, readFile: besideRecipe(loaded) }
  const locked =
    plan.action === 'resolve'
      ? []
      : [
          ...(await refetchIndexes(plan.locked.indexes.filter(isDebians), { ...options, snapshot })),
          ...(await refetchArchives(
            plan.locked.indexes.filter((index) => !isDebians(index)),
            archives,
            others,
          )),
        ]
  const present =
    plan.action === 'keep'
      ? []
      : [...(await fetchIndexes(base, { ...options, known })), ...(await fetchArchives(archives, others))]
  const kept = new Set(locked.map(({ index }) => index.release))
  const fetched = [...locked, ...present.filter(({ index }) => !kept.has(index.release))]
  // kept so that the same lock can be extended after the mirrors have moved on
  for (const { inRelease, packages } of fetched) {
    await store.put(inRelease)
    await store.put(packages)
  }
  return fetched
}

/** The components and backports of a suite that a recipe does not take. */
async function findOtherPackages(
  { sources, progress, signal }: Upstreams & Reporting & Cancellation,
  { base }: Recipe,
): Promise<OtherPackages | undefined> {
  if (base.kind === 'image') return undefined
  progress({ kind: 'stage', title: 'looking in other components and backports' })
  const { debian, oldReleases, ca } = await sources()
  const keys = await loadKeyring()
  const now = new Date()
  const get = createGet({ ca, signal })
  const options = { get, sources: debian, oldReleases, keys, signers: suiteSigners, now }
  const found = await fetchOtherIndexes(base, options)
  signal.throwIfAborted()
  const indexes = found.map(({ index: { archive, suite, component }, packages }) => {
    return { suite, component, packages: readVersions([{ archive, suite, packages }]) }
  })
  return { base, indexes }
}

async function lockFile({ store, signal, progress, sources }: Fetching, step: FileStep) {
  progress({ kind: 'stage', title: `fetching ${redactUrl(step.url)}` })
  const { ca } = await sources()
  return resolveFile(step, (url) => downloadUnpinned({ url, label: 'download', ca }, { store, signal }))
}

/** Builds the image as it is before a step, to resolve the step in. */
async function buildBefore(
  ports: Fetching & Cache,
  loaded: LoadedRecipe,
  before: LockedPlatform,
  tag: string,
  why = '',
): Promise<string> {
  const { name, recipe } = loaded
  const partial: Recipe = { ...recipe, steps: recipe.steps.slice(0, before.steps.length) }
  const last = partial.steps.at(-1)
  const target = last ? stepName(partial.steps.length - 1, last.kind) : 'base'
  const context = await renderGenerated(name, partial, before)
  const { reference } = await buildInputs(
    ports,
    { loaded, locked: before, context },
    { tag, target },
    (stage) => ports.progress({ kind: 'stage', title: STAGES[stage] + (stage === 'build' ? why : '') }),
  )
  return reference
}

const STAGES = { fetch: 'fetching artifacts', build: 'building what comes before' }
