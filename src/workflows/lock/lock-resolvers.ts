import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stepName } from '../../dockerfile/step-name.ts'
import { rootRecipe } from '../../lock/other-recipes.ts'
import type { BasePlan } from '../../lock/plan-lock.ts'
import type { DebianIndex, LockedPlatform, LockedRecipeBase } from '../../lock/schema.ts'
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
import { type IndexRelay, openIndexRelay } from '../../resolve/python/index-relay.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { downloadUnpinned } from '../../store/download.ts'
import { contentsFiles } from '../audit/artifact-contents.ts'
import { locateFrom } from '../build/fetch-inputs.ts'
import type { Artifacts, Cache, Cancellation, Fetching, Project, Reporting, Upstreams } from '../ports.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { AptContainer } from './apt-container.ts'
import type { LockResolvers } from './carry-out-plan.ts'
import { findKept } from './find-kept.ts'
import { lockGit } from './git-sources.ts'
import { openImageBefore, withImageBefore } from './image-before.ts'
import { besideRecipe, lockedImageIndexes, lockImageBase, withIndexes } from './lock-image-base.ts'
import type { Present } from './locked-before.ts'

/**
 * The resolvers of a recipe: against this machine's sources, in containers of the engine.
 *
 * @param known indexes that were locked before: none is taken that is older
 * @param present what the image is built of now, if it is
 */
export function lockResolvers(
  ports: Fetching & Cache & Project,
  loaded: LoadedRecipe,
  plan: BasePlan,
  known: readonly DebianIndex[],
  others: Pick<LockedPlatform, 'recipes'>,
  present: Present | undefined,
): LockResolvers & AsyncDisposable {
  const { recipe } = loaded
  const { signal, progress } = ports
  const apt = new AptContainer(ports, recipe.steps, (before) =>
    openImageBefore(ports, loaded, before, present),
  )
  const relays = new AsyncDisposableStack()
  let relay: Promise<IndexRelay | undefined> | undefined
  const openRelay = async ({ pypi: { indexes, settings }, ca }: Sources) => {
    const { store } = ports
    const contents = contentsFiles(ports)
    const opened = await openIndexRelay({ indexes, settings, ca, store, contents, signal })
    return opened && relays.use(opened)
  }
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
        if (recipe.base.kind === 'recipe')
          throw new TypeError('a base that is a recipe is pinned by its lock')
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
          apt.use(before, (sandbox, installed) => {
            progress({ kind: 'stage', title })
            return resolve(sandbox, installed)
          }),
        )
      return withImageBefore(ports, loaded, before, present, (open) => {
        progress({ kind: 'stage', title })
        return use(open)
      })
    },
    aptIndexes: (base) => {
      if (base.kind === 'image') return lockedImageIndexes(ports, loaded, base)
      return base.kind === 'recipe' ? indexesBelow(ports, loaded, base, others) : indexes()
    },
    otherPackages: () => findOtherPackages(ports, recipe),
    suiteIndex: (base) => {
      const own = base.indexes.filter(({ archive, suite }) => archive === 'debian' && suite === base.suite)
      return fetchSuite(ports, loaded, { action: 'keep', locked: { ...base, indexes: own } }, [])
    },
    pipSettings: async (before) => {
      const found = await ports.sources()
      const { pypi, ca } = found
      relay ??= openRelay(found)
      return {
        relay: await relay,
        settings: pypi.settings,
        environment: proxySettings([...pypi.indexes, ...pypi.findLinks], ports.env),
        // pip takes a list of certificates instead of its own, not in addition
        certificates: ca === undefined ? undefined : Buffer.from(trustedCertificates(ca).join('\n')),
        keep: (content) => ports.store.put(content),
        findKept: findKept(ports, locateFrom(found, before, signal)),
      }
    },
    note: (text) => progress({ kind: 'note', text }),
    [Symbol.asyncDispose]: async () => {
      await relays.disposeAsync()
      await apt[Symbol.asyncDispose]()
    },
  }
}

/** The locked indexes of the recipe at the bottom of those that a recipe stands on. */
async function indexesBelow(
  ports: Fetching & Cache,
  loaded: LoadedRecipe,
  base: LockedRecipeBase,
  { recipes }: Pick<LockedPlatform, 'recipes'>,
): Promise<FetchedIndex[]> {
  const root = rootRecipe({ epoch: 1, base, steps: [], ...(recipes && { recipes }), image: null })
  if (root === undefined) throw new TypeError('the lock of a base that is a recipe has that recipe')
  const { name, recipe, locked } = root
  const other: LoadedRecipe = { name, recipe, directory: join(dirname(loaded.directory), name) }
  return locked.base.kind === 'image'
    ? lockedImageIndexes(ports, other, locked.base)
    : fetchSuite(ports, other, { action: 'keep', locked: locked.base }, [])
}

/** A suite's indexes: those of a base that stays, the present ones of any other; both for one that is refreshed. */
async function fetchSuite(
  { store, sources, signal }: Artifacts & Upstreams & Cancellation,
  loaded: LoadedRecipe,
  plan: BasePlan,
  known: readonly DebianIndex[],
): Promise<FetchedIndex[]> {
  const { base, archives } = loaded.recipe
  if (base.kind !== 'debian') throw new TypeError('a base that is an image has indexes of its own')
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
  if (base.kind !== 'debian') return undefined
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
