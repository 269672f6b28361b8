import type { Engine } from './connect.ts'
import { engineAnswer } from './engine-error.ts'

/** A record of BuildKit's cache, as the engine lists it. */
export interface CacheRecord {
  ID: string
  /** `regular` for what a step made, `source.local` for what the builder was sent. */
  Type: string
  /** `[stage 1/2] COPY ...`, or `mount / from exec ...`. */
  Description: string
  InUse: boolean
  /** Whether it is a layer of an image that the engine has. */
  Shared: boolean
  /** In bytes. */
  Size: number
  CreatedAt: string
  LastUsedAt?: string | null
}

/** How much of build contexts the builder keeps, in bytes; the one that was used last is kept, however large. */
const CONTEXTS = 2e9

/**
 * Records of stillroom's own stages that no later build is faster for, or by too little for what they take:
 *
 * - what a step worked in: its layer is the image's, and later steps run on that;
 * - layers of images that are gone, and second copies of layers, as a build without cache makes them;
 * - contexts that were not used for longest, above a limit.
 *
 * The tree that steps of a flat recipe work in stays, and so do the clock and
 * wheels of source distributions, which are small. What others stand on comes after it. Records of other Dockerfiles stay:
 * whoever builds them in this engine wants them again. Whose a context was is not known.
 */
export function uselessRecords(records: readonly CacheRecord[]): CacheRecord[] {
  const layers = new Set<string>()
  const useless = records
    .filter(({ Type, InUse, Description }) => Type === 'regular' && !InUse && OWN.test(Description))
    .toSorted((a, b) => a.CreatedAt.localeCompare(b.CreatedAt))
    .filter((record) => {
      if (!record.Shared) return !STAYS.test(record.Description)
      // images have the first copy that there was of a layer
      const layer = `${record.Size} ${record.Description.replace(/^\[.*?\] /, '')}`
      const isCopy = layers.has(layer)
      layers.add(layer)
      return isCopy
    })
  let kept = 0
  const contexts = records
    .filter(({ Type }) => Type === 'source.local')
    .toSorted((a, b) => (b.LastUsedAt ?? '').localeCompare(a.LastUsedAt ?? ''))
    .filter(({ Size, InUse }) => {
      const fits = kept === 0 || kept + Size <= CONTEXTS
      if (fits) kept += Size
      return !fits && !InUse
    })
  return [...useless.reverse(), ...contexts]
}

/** What instructions of a generated Dockerfile make, by their text: see `render-dockerfile.ts`. */
const OWN =
  /\/\.stillroom\/|\] ADD artifacts\/(recipes\/[^/]+\/)?(seed|layers)\/\*\.tar \/$|\] COPY --from=\S*root \/target\/ \/$|^\[\S*image \d+\/\d+\] WORKDIR /

/** Made by a step of a flat recipe, whose stages have no layers, or a wheel of a source distribution. */
const STAYS = /^mount \/ from exec sh \/\.stillroom\/build\/(\w+\.sh -( |$)|sdist\.sh )/

/**
 * Takes useless records out of the builder's cache. What a build uses at that moment stays.
 *
 * @param during called for each of them, to remove it meanwhile; false ends it
 */
export async function dropUselessRecords(
  engine: Engine,
  during: (remove: () => Promise<void>) => Promise<boolean> = (remove) => remove().then(() => true),
): Promise<void> {
  const { BuildCache } = (await engineAnswer('asking what takes space', engine.docker.df())) as {
    BuildCache?: CacheRecord[] | null
  }
  for (const { ID } of uselessRecords(BuildCache ?? [])) {
    if (!(await during(() => pruneBuildCache(engine, { id: [ID] })))) return
  }
}

/** Empties BuildKit's cache, but for what a build uses now. */
export const emptyBuildCache = (engine: Engine) => pruneBuildCache(engine, {})

async function pruneBuildCache({ docker }: Engine, filters: Record<string, string[]>): Promise<void> {
  const options = {
    // with the mark at its end, what is in `options` is put behind it
    path: '/build/prune?',
    method: 'POST',
    options: { all: true, filters: JSON.stringify(filters) },
    statusCodes: { 200: true, 500: 'server error' },
  }
  const dial = new Promise<void>((resolve, reject) => {
    docker.modem.dial(options, (error: Error | null) => (error ? reject(error) : resolve()))
  })
  await engineAnswer('emptying the build cache', dial)
}
