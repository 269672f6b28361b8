import { StillroomError } from '../../error.ts'
import { newestDate } from '../../lock/newest-date.ts'
import type { BasePlan, LockPlan, PackageVersion, ResolveStep } from '../../lock/plan-lock.ts'
import type {
  LockedApt,
  LockedBase,
  LockedDebianBase,
  LockedPlatform,
  LockedStep,
} from '../../lock/schema.ts'
import { assignLayers, withoutLayers } from '../../lock/wheel-layers.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { AptStep, FileStep, GitStep, PipStep } from '../../recipe/schema.ts'
import { checkPackages, type OtherPackages } from '../../resolve/apt/check-packages.ts'
import { type AptIndexes, openIndexes, resolveApt } from '../../resolve/apt/resolve-apt.ts'
import type { FetchedIndex } from '../../resolve/debian/fetch-indexes.ts'
import { resolveClock } from '../../resolve/debian/resolve-base.ts'
import { type ResolvePipOptions, resolvePip } from '../../resolve/python/resolve-pip.ts'
import { relaxConstraints } from '../../resolve/relax-constraints.ts'
import type { Sandbox } from '../../resolve/sandbox.ts'
import { replacesEarlier } from './replaces-earlier.ts'

/**
 * Runs `use` with a throw-away container of one image; `installed` is dpkg's `status` when apt's plan depends on nothing else in
 * it that is not as Debian has it.
 */
export type OpenSandbox = <T>(
  network: 'none' | 'host',
  use: (sandbox: Sandbox, installed?: string) => Promise<T>,
) => Promise<T>

/** What is asked while a plan is carried out. */
export interface LockResolvers {
  base(plan: Exclude<BasePlan, { action: 'keep' }>): Promise<LockedBase>
  git(step: GitStep): Promise<LockedStep>
  file(step: FileStep): Promise<LockedStep>
  /** Gives containers that are, for what resolves the next step, as the image is before it. */
  withImageBefore<T>(
    before: LockedPlatform,
    next: AptStep | PipStep,
    use: (open: OpenSandbox) => Promise<T>,
  ): Promise<T>
  aptIndexes(base: LockedBase): Promise<FetchedIndex[]>
  /** What the suite has besides, to say where a package is that those lack; undefined when the base is no suite. */
  otherPackages?(): Promise<OtherPackages | undefined>
  /** The index of a base's own suite, as it was locked. */
  suiteIndex(base: LockedDebianBase): Promise<FetchedIndex[]>
  pipSettings(
    before: LockedPlatform,
  ): Promise<
    Pick<ResolvePipOptions, 'settings' | 'environment' | 'certificates' | 'keep' | 'findKept' | 'relay'>
  >
  /** Takes what the user should know though nothing failed. */
  note(text: string): void
}

/**
 * Resolves what a plan leaves open, in the order of the recipe. The result names no image yet.
 *
 * @param others the locks of the recipes that steps of the plan take files from
 */
export async function carryOutPlan(
  plan: LockPlan,
  resolvers: LockResolvers,
  others: Pick<LockedPlatform, 'recipes'> = {},
): Promise<LockedPlatform> {
  const found = plan.base.action === 'keep' ? plan.base.locked : await resolvers.base(plan.base)
  const base = await withClock(found, resolvers)
  const indexes = await openAptIndexes(plan, base, resolvers)
  const locked: LockedPlatform = { epoch: newestDate(base), base, steps: [], ...others, image: null }
  for (const step of plan.steps) {
    const before = { ...locked, steps: [...locked.steps] }
    locked.steps.push(
      step.action === 'keep'
        ? step.locked
        : await resolveStep(step, before, { indexes, layout: plan.layout }, resolvers).catch((error) => {
            throw ofStep(error, before.steps.length)
          }),
    )
  }
  return locked
}

/** An error with the step that could not be resolved, counted from 0. */
function ofStep(error: unknown, step: number): unknown {
  if (!(error instanceof StillroomError) || error.code === 'INTERRUPTED') return error
  const { code, message, hint, details, cause } = error
  return new StillroomError(code, message, { hint, details: { ...details, step }, cause: cause ?? error })
}

/** The indexes of what is to be resolved by apt; a name that they lack is reported before anything is built. */
async function openAptIndexes(
  { steps }: LockPlan,
  base: LockedBase,
  resolvers: LockResolvers,
): Promise<AptIndexes> {
  const placed = steps.flatMap((plan, index) =>
    plan.action === 'resolve' && plan.step.kind === 'apt' ? [{ index, step: plan.step }] : [],
  )
  if (placed.length === 0) return openIndexes([])
  const opened = openIndexes(await resolvers.aptIndexes(base))
  try {
    checkPackages(placed, opened.packages)
  } catch (error) {
    // a package may be where the recipe does not look
    const others = error instanceof StillroomError ? await resolvers.otherPackages?.() : undefined
    checkPackages(placed, opened.packages, others)
    throw error
  }
  return opened
}

/** A base that was locked before steps had a clock gets one, from its own indexes where they can still be had. */
async function withClock(base: LockedBase, resolvers: LockResolvers): Promise<LockedBase> {
  if (base.kind !== 'debian' || base.clock !== undefined) return base
  try {
    const clock = resolveClock(await resolvers.suiteIndex(base))
    return clock === undefined ? base : { ...base, clock }
  } catch (error) {
    if (!(error instanceof StillroomError) || error.code === 'INTERRUPTED') throw error
    resolvers.note(`steps see the clock of the machine that builds, as before: ${error.message}`)
    return base
  }
}

function resolveStep(
  plan: ResolveStep,
  before: LockedPlatform,
  { indexes, layout }: { indexes: AptIndexes; layout: LockPlan['layout'] },
  resolvers: LockResolvers,
): Promise<LockedStep> {
  const { step } = plan
  switch (step.kind) {
    case 'git':
      return resolvers.git(step)
    case 'file':
      return resolvers.file(step)
    case 'apt':
      return resolvers.withImageBefore(before, step, (open) =>
        resolveAptStep({ ...plan, step }, indexes, open, resolvers),
      )
    case 'pip': {
      const mayHaveLayers = step.after === undefined && layout === 'layers'
      // found while the image is
      const settings = settingsFor(plan, before, resolvers)
      const found = settings.catch(() => {})
      return (
        resolvers
          .withImageBefore(before, step, (open) =>
            resolvePipStep({ ...plan, step }, before, layout, open, settings, resolvers).catch((error) =>
              fallBackToPinned(plan, error, resolvers),
            ),
          )
          .then((locked) => inLayers(locked, plan.fallback, mayHaveLayers))
          // nothing is begun that nobody ends, whatever failed meanwhile
          .finally(() => found)
      )
    }
  }
}

async function resolveAptStep(
  { step, constraints }: ResolveStep<AptStep>,
  indexes: AptIndexes,
  open: OpenSandbox,
  resolvers: LockResolvers,
): Promise<LockedStep> {
  const locked = await relaxConstraints(
    constraints.stay,
    (stay) => open('none', (sandbox, installed) => resolveApt(step, indexes, sandbox, { stay, installed })),
    (names) => resolvers.note(mustChange(names)),
  )
  const instead = replacements(locked, indexes)
  if (instead.length > 0) resolvers.note(`instead of Debian's, as apt prefers them: ${instead.join(', ')}`)
  return locked
}

/** Packages that come from an archive of somebody else, though Debian has some of that name. */
function replacements({ packages }: LockedApt, indexes: AptIndexes): string[] {
  const others = new Set(indexes.indexes.flatMap(({ index }) => (index.url ? [index.archive] : [])))
  return packages.flatMap(({ name, version, archive }) => {
    const debians = indexes.packages.get(name)?.find((entry) => !others.has(entry.archive))
    if (!others.has(archive) || debians === undefined) return []
    return [`${name} ${version} of ${archive} (${debians.archive} has ${debians.version})`]
  })
}

async function settingsFor(
  { fallback }: ResolveStep,
  before: LockedPlatform,
  resolvers: LockResolvers,
): ReturnType<LockResolvers['pipSettings']> {
  const settings = await resolvers.pipSettings(before)
  const locked = fallback?.kind === 'pip' ? fallback.files : []
  const ofIndexes = locked.filter(({ url, index }) => url === undefined && index === undefined)
  settings.relay?.expect(ofIndexes.map(({ name }) => name))
  return settings
}

async function resolvePipStep(
  { step, constraints: { stay, beyond } }: ResolveStep<PipStep>,
  before: LockedPlatform,
  layout: LockPlan['layout'],
  open: OpenSandbox,
  settings: ReturnType<LockResolvers['pipSettings']>,
  resolvers: LockResolvers,
): Promise<LockedStep> {
  const resolve = (left: readonly PackageVersion[], how: { direct: boolean }) =>
    open('host', async (sandbox) => {
      // the container has started meanwhile
      const { relay, ...given } = await settings
      return resolvePip(step, {
        ...given,
        ...(how.direct ? {} : { relay }),
        sandbox,
        constraints: { stay: left, beyond },
        onRemoved: (removed, files) => {
          if (layout === 'layers' && removed.length > 0) throw replacesEarlier(removed, files, before.steps)
        },
      })
    })
  const resolveEither = (left: readonly PackageVersion[]) =>
    resolve(left, { direct: false }).catch(async (error: unknown) => {
      const code = error instanceof StillroomError ? error.code : undefined
      if (code === 'INTERRUPTED' || (await settings).relay === undefined) throw error
      // what pip makes of the indexes themselves is what counts in the end, and what it says then
      if (code === undefined || ODD.includes(code))
        resolvers.note(`pip is given the indexes themselves: ${reasonOf(error)}`)
      return resolve(left, { direct: true })
    })
  return relaxConstraints(stay, resolveEither, (names) => resolvers.note(mustChange(names)))
}

/** @param may whether the step may have more than one: what cleans up cannot take away what a layer below holds */
function inLayers(locked: LockedStep, before: LockedStep | undefined, may: boolean): LockedStep {
  if (locked.kind !== 'pip') return locked
  const earlier = before?.kind === 'pip' ? before.files : undefined
  return { ...locked, files: may ? assignLayers(locked.files, earlier) : withoutLayers(locked.files) }
}

function reasonOf(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1)
  return redactUrl(first)
}

/** Errors that may be due to how pip was shown the indexes. */
const ODD: string[] = ['PIP_FAILED', 'FETCH_FAILED', 'INDEX_INVALID', 'ARTIFACT_GONE']

const mustChange = (names: readonly string[]) => `these packages must change version: ${names.join(', ')}`

/** That nothing newer fits is no failure: the step stays as it is locked. */
function fallBackToPinned(plan: ResolveStep, error: unknown, { note }: LockResolvers): LockedStep {
  const { beyond } = plan.constraints
  const isConflict =
    error instanceof StillroomError && ['PIP_CONFLICT', 'PIP_PACKAGE_UNKNOWN'].includes(error.code)
  if (plan.fallback === undefined || beyond.length === 0 || !isConflict) throw error
  const names = beyond.map(({ name, version }) => `${name} ${version}`).join(', ')
  note(`nothing newer than ${names} fits what the recipe asks for`)
  return plan.fallback
}
