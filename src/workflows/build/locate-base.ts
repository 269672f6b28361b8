import type { LockedPlatform } from '../../lock/schema.ts'
import { imageArchives } from '../../resolve/registry/fetch-image-indexes.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { type Locate, locateDebian, locateWith } from '../../sources/locate.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { locateRegistry } from '../../sources/registry/registries.ts'
import { readAptSources, ubuntuMirrors } from '../lock/lock-image-base.ts'
import type { Fetching } from '../ports.ts'

/**
 * Where the layers of a base may be had, and packages of archives that this machine has no setting for: the base's
 * own apt sources tell.
 */
export function locateBase(ports: Fetching, sources: Sources, { base }: LockedPlatform): Locate {
  const layers = locateRegistry(openRegistries(ports, sources))
  if (base.kind === 'debian') return layers
  let own: Promise<Locate> | undefined
  const find = async (): Promise<Locate> => {
    const archives = imageArchives(await readAptSources(ports, base))
    const ubuntu = [...ubuntuMirrors(ports.env), ...(archives['ubuntu'] ?? [])]
    const trust = sources.ca === undefined ? {} : { ca: sources.ca }
    const places = Object.entries({ ...archives, ubuntu }).map(([archive, urls]) => {
      return [archive, urls.map((url) => ({ url, label: "the base's mirror", ...trust }))] as const
    })
    return locateDebian(Object.fromEntries(places))
  }
  const packages: Locate = async (artifact) => {
    const { origin } = artifact
    if (origin.kind !== 'debian' || origin.archive in sources.debian) return []
    own ??= find()
    return (await own)(artifact)
  }
  return locateWith(layers, packages)
}
