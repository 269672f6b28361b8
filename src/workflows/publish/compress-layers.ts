import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { COMPRESSOR } from '../../dockerfile/locked-programs.ts'
import type { Engine } from '../../engine/connect.ts'
import { filterByContainer } from '../../engine/filter-container.ts'
import { StillroomError } from '../../error.ts'
import { uncompressed } from '../../formats/decompress.ts'
import { ZSTD_LAYER_TYPE } from '../../formats/oci.ts'
import type { PushableImage, PushableLayer } from '../../image/push-image.ts'
import { verifiedLayer, type WritableImage, type WritableLayer } from '../../image/write-archive.ts'
import { diskError } from '../../store/disk.ts'
import type { Cache, Fetching, Reporting } from '../ports.ts'
import { withPrograms } from '../with-programs.ts'

/** By one thread: several would cut a layer into parts. Level 3 is zstd's own. */
const COMPRESS = ['zstd', '--single-thread', '-3', '--stdout', '--quiet'] as const

/**
 * Compresses the layers of an image by the locked `zstd`, so that they have the same bytes on every machine. They lie on disk, and are
 * gone when the image is disposed of.
 *
 * @param directory where they are kept meanwhile
 * @throws {StillroomError} IMAGE_INVALID when a layer is another than it is called; DISK_FULL, NOT_WRITABLE; those of fetching the
 *   compressor; ENGINE_*, CONTAINER_FAILED
 */
export async function compressLayers(
  ports: Cache & Fetching & Reporting,
  engine: Engine,
  { config, layers }: WritableImage,
  directory: string,
): Promise<PushableImage & AsyncDisposable> {
  const unique = new Map(layers.map((layer) => [layer.diffID, layer]))
  const written: string[] = []
  const dispose = async () => {
    for (const path of written) await rm(path, { force: true })
  }
  const compressed = new Map<string, PushableLayer>()
  try {
    await mkdir(directory, { recursive: true })
    await withPrograms(ports, engine, COMPRESSOR, async (program) => {
      for (const [diffID, layer] of unique) {
        ports.progress({ kind: 'status', text: `layer ${compressed.size + 1}/${unique.size}` })
        const path = join(directory, `${randomUUID()}.tmp`)
        written.push(path)
        compressed.set(diffID, await compressLayer(engine, program, layer, path, ports.signal))
      }
    })
  } catch (error) {
    await dispose()
    throw ports.signal.aborted ? ports.signal.reason : diskError(error, directory)
  }
  const all = layers.map(({ diffID }) => compressed.get(diffID) as PushableLayer)
  return { config, layers: all, [Symbol.asyncDispose]: dispose }
}

async function compressLayer(
  engine: Engine,
  program: string,
  layer: WritableLayer,
  path: string,
  signal: AbortSignal,
): Promise<PushableLayer> {
  const hash = createHash('sha256')
  let size = 0
  await using file = await open(path, 'wx')
  const onOutput = async (bytes: Buffer) => {
    hash.update(bytes)
    size += bytes.length
    await file.writeFile(bytes)
  }
  const filter = { command: COMPRESS, input: verifiedLayer(layer), onOutput }
  await filterByContainer(engine, program, filter, signal, async () => {})
  await requireContent(path, layer)
  const digest = `sha256:${hash.digest('hex')}`
  return { mediaType: ZSTD_LAYER_TYPE, digest, size, read: () => createReadStream(path) }
}

/** What was compressed in a container came through sockets of an engine: it must unpack to the layer. */
async function requireContent(path: string, { diffID }: WritableLayer): Promise<void> {
  const hash = createHash('sha256')
  const unlimited = { received: () => {}, unpacked: () => {} }
  for await (const bytes of uncompressed(createReadStream(path), unlimited)) hash.update(bytes)
  const actual = `sha256:${hash.digest('hex')}`
  if (actual === diffID) return
  throw new StillroomError(
    'CONTAINER_FAILED',
    `zstd made another layer: expected ${diffID}, actual ${actual}`,
  )
}
