import type { Engine } from './connect.ts'
import { engineAnswer } from './engine-error.ts'

/** An image by one of its names. */
export interface NamedImage {
  /** `stillroom/hello:latest`; the reference itself when it has no name. */
  name: string
  reference: string
  /** In bytes, with what it shares with others. */
  size: number
  /** In bytes, what would be free without it; null when the engine does not say. */
  own: number | null
}

export interface EngineSpace {
  images: NamedImage[]
  /** Images without a name. */
  unnamed: NamedImage[]
  /** Images that a container is of, running or not. */
  inUse: Set<string>
  /** Of BuildKit's cache, in bytes, what is neither used now nor part of an image. */
  buildCache: number
}

interface DiskUsage {
  Images?: { Id: string; RepoTags?: string[] | null; Size: number; SharedSize: number }[] | null
  BuildCache?: { Size: number; InUse: boolean; Shared: boolean }[] | null
  Containers?: { ImageID: string }[] | null
}

/** What takes how much of an engine's disk. */
export async function engineSpace({ docker }: Engine): Promise<EngineSpace> {
  const usage = (await engineAnswer('asking what takes space', docker.df())) as DiskUsage
  const images: NamedImage[] = []
  const unnamed: NamedImage[] = []
  for (const { Id, RepoTags, Size, SharedSize } of usage.Images ?? []) {
    const own = SharedSize < 0 ? null : Size - SharedSize
    const names = (RepoTags ?? []).filter((name) => name !== '<none>:<none>')
    for (const name of names) images.push({ name, reference: Id, size: Size, own })
    if (names.length === 0) unnamed.push({ name: Id, reference: Id, size: Size, own })
  }
  return {
    images,
    unnamed,
    inUse: new Set((usage.Containers ?? []).map(({ ImageID }) => ImageID)),
    buildCache: (usage.BuildCache ?? [])
      .filter(({ InUse, Shared }) => !InUse && !Shared)
      .reduce((sum, { Size }) => sum + Size, 0),
  }
}

/** Directory of an engine's data, when the engine is on this machine; it may be one that this machine does not have. */
export async function engineDisk({ docker }: Engine): Promise<string | undefined> {
  if ((docker.modem as { socketPath?: string }).socketPath === undefined) return undefined
  const info = (await engineAnswer('asking where its data lies', docker.info())) as { DockerRootDir?: string }
  return info.DockerRootDir
}
