import { emptyBuildCache } from '../../engine/build-cache.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { engineSpace, type NamedImage } from '../../engine/engine-space.ts'
import { removeImage } from '../../engine/find-image.ts'
import { findLeftovers, removeLeftover } from '../../engine/leftovers.ts'
import { isPrivateEngine } from '../../engine/private/private-engine.ts'
import { StillroomError } from '../../error.ts'
import { readUses } from '../../store/uses.ts'
import type { Artifacts, Cache, Cancellation, Environment, Project, Reporting } from '../ports.ts'
import { imageName, plainName, projectID } from '../project/image-name.ts'
import { knownImageID } from '../project/known-images.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { readLock } from '../project/lock-file.ts'
import type { PruneItem, PruneOptions } from './prune-item.ts'

type Ports = Project & Environment & Cancellation & Reporting & Cache & Artifacts

/** As builds name images: `stillroom/NAME:TAG`, or `stillroom/NAME-ID:TAG`. */
const OURS = /^stillroom\/([a-z0-9]+(?:-[a-z0-9]+)*):/
const WITH_ID = /^(.+)-([0-9a-f]{8})$/
const DAY = 86_400_000

/**
 * What an engine that runs has of stillroom's: images by recipe and containers; of a private one the build cache and images
 * without a name, too, which are nobody else's there. None when no engine answers.
 *
 * @param users processes that use the cache now: an image that nothing needs may have been built by one of them just now
 */
export async function findInEngine(
  ports: Ports,
  options: PruneOptions,
  users: readonly number[],
): Promise<PruneItem[]> {
  const engine = await connectEngine({ ...ports, start: false }).catch((error: unknown) => {
    if (error instanceof StillroomError) return undefined
    throw error
  })
  if (!engine) return []
  const isPrivate = isPrivateEngine(ports.cache, process.env)
  const [space, needs, leftovers] = await Promise.all([
    engineSpace(engine),
    imageNeeds(ports, options, engine),
    findLeftovers(engine),
  ])
  const busy = users.length > 0 ? `process ${users.join(', ')} may use it` : null
  const item = async (image: NamedImage): Promise<PruneItem> => ({
    kind: 'image',
    what: image.name,
    bytes: image.own ?? image.size,
    keptFor: space.inUse.has(image.reference) ? 'a container is of it' : ((await needs(image)) ?? busy),
    remove: () => removeImage(engine, image.name),
  })
  const cache: PruneItem = {
    kind: 'build cache',
    what: 'build cache of the engine',
    bytes: space.buildCache,
    keptFor: isPrivate ? busy : "it is not stillroom's alone: docker builder prune",
    remove: () => emptyBuildCache(engine),
  }
  return [
    ...leftovers.map(
      (id): PruneItem => ({
        kind: 'containers',
        what: `container ${id} of a run that is gone`,
        bytes: null,
        keptFor: null,
        remove: () => removeLeftover(engine, id),
      }),
    ),
    ...(await Promise.all(space.images.filter(({ name }) => OURS.test(name)).map(item))),
    ...(isPrivate ? await Promise.all(space.unnamed.map(item)) : []),
    cache,
  ]
}

/** Tells why an image stays. */
async function imageNeeds(
  ports: Ports,
  { all, keep, days }: PruneOptions,
  engine: Engine,
): Promise<(image: NamedImage) => Promise<string | null>> {
  const { directory, cache, store } = ports
  const own = await projectID(ports)
  const locked = new Map<string, Set<string>>()
  for (const recipe of await listRecipes(directory)) {
    const lock = await readLock(directory, recipe)
    const ids = Object.values(lock?.platforms ?? {}).flatMap(({ image }) => (image ? [image.id] : []))
    locked.set(recipe, new Set(ids))
  }
  const since = Date.now() - days * DAY
  const elsewhere = new Set(
    (await readUses(store.directory))
      .filter(({ last }) => last.getTime() >= since)
      .map(({ recipe }) => recipe),
  )
  return async ({ name, reference }) => {
    const called = OURS.exec(name)?.[1] ?? ''
    const [, recipe = called, project] = locked.has(called) ? [] : (WITH_ID.exec(called) ?? [])
    // a recipe's own name may end like the id of a project
    const names = [called, recipe]
    if (names.some((one) => keep.includes(one))) return `--keep ${recipe}`
    if (all) return null
    const ids = locked.get(recipe)
    const isOther =
      project !== undefined
        ? project !== own
        : name.startsWith(`${plainName(called)}:`) &&
          (await imageName(ports, engine, called, null)).taken !== undefined
    if (ids === undefined || isOther)
      return names.some((one) => elsewhere.has(one))
        ? `a lock elsewhere was used in the last ${days} days`
        : null
    const id = engine.store === 'graph' ? reference : await knownImageID(cache, reference)
    if (id === undefined) return 'it may be the locked one'
    return ids.has(id) ? 'as locked' : null
  }
}
