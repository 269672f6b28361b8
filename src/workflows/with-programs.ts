import { hash, randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { contextArtifacts } from '../dockerfile/context-artifacts.ts'
import type { Engine } from '../engine/connect.ts'
import { removeImage } from '../engine/find-image.ts'
import { loadImage } from '../engine/load-image.ts'
import { debDataTar } from '../formats/deb/deb-archive.ts'
import { readFileAt } from '../formats/read-at.ts'
import { archiveFiles, type WritableLayer, writeArchive } from '../image/write-archive.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import { fetchInputs } from './build/fetch-inputs.ts'
import type { Cache, Fetching } from './ports.ts'

/**
 * Runs `use` with an image of locked programs, which is gone afterwards. Their packages are fetched and verified; nothing
 * of them is run to unpack them: each is a layer.
 *
 * @throws {StillroomError} those of fetching; ENGINE_*
 */
export async function withPrograms<T>(
  ports: Cache & Fetching,
  engine: Engine,
  programs: LockedPlatform,
  use: (image: string) => Promise<T>,
): Promise<T> {
  const { store, signal } = ports
  const { files } = contextArtifacts(programs)
  await fetchInputs(ports, { files }, programs)
  const layers: WritableLayer[] = []
  for (const { artifact } of files) {
    await using file = await open(store.path(artifact.sha256))
    const tar = await buffer(debDataTar(readFileAt(file), artifact.size, artifact.name))
    const read = async function* () {
      yield tar
    }
    layers.push({ diffID: `sha256:${hash('sha256', tar)}`, size: tar.length, read })
  }
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/bin:/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
  }
  // a name of its own, as others may be at it, too; one that prune finds when this is killed
  const name = `stillroom/programs:${randomUUID()}`
  const image = { config: Buffer.from(JSON.stringify(config)), layers }
  try {
    await loadImage(engine, writeArchive(archiveFiles(image, name)), signal)
    return await use(name)
  } finally {
    await removeImage(engine, name)
  }
}
