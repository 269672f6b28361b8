import { hash } from 'node:crypto'
import { closeSync, constants, createReadStream, lstatSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid } from '../formats/image-invalid.ts'
import { type TarPiece, tarPieces } from '../formats/tar/tar-split.ts'
import { TAR_END, tarHeader, tarPadding } from '../formats/tar/write-tar.ts'

/** A layer in the store: where its files lie, and what says how its tar archive is put together of them. */
interface StoredLayer {
  diffID: string
  files: string
  record: string
  /** Of the tar archive, in bytes. */
  size: number
}

/** Layers of an image in the store. */
export interface StoredLayers {
  /** Of the image, whose ID is its digest. */
  config: Buffer
  layers: { diffID: string; size: number; read(): AsyncIterable<Buffer> }[]
}

/**
 * An image as `docker save` gives it, put together of the layer store of an engine on this machine: `docker save` writes every layer to
 * the disk first, and takes twice as long or more. Whoever reads it verifies each layer by its digest, as that of `docker save`.
 *
 * @param root the directory of the engine's data, which this process may be unable to read
 * @param id the image ID, `sha256:...`
 * @returns undefined when the store is not there, is of another kind than overlay2, or lacks something
 */
export async function storedImage(root: string, id: string): Promise<Readable | undefined> {
  const found = await findLayers(root, id)
  return found && Readable.from(archive(id, found), { objectMode: false })
}

/**
 * Some layers of an image, each once, as tar archives. Whoever reads one verifies it by its diffID.
 *
 * @returns undefined as {@link storedImage}
 */
export async function storedLayers(
  root: string,
  id: string,
  wanted: ReadonlySet<string>,
): Promise<StoredLayers | undefined> {
  const found = await findLayers(root, id, wanted)
  return (
    found && {
      config: found.config,
      layers: found.layers.map((layer) => {
        return { diffID: layer.diffID, size: layer.size, read: () => layerTar(layer) }
      }),
    }
  )
}

interface Found {
  config: Buffer
  diffIDs: readonly string[]
  layers: StoredLayer[]
}

async function findLayers(
  root: string,
  id: string,
  wanted?: ReadonlySet<string>,
): Promise<Found | undefined> {
  const store = join(root, 'image/overlay2')
  try {
    const config = await readFile(join(store, 'imagedb/content/sha256', hexOf(id)))
    if (`sha256:${hash('sha256', config)}` !== id) return undefined
    const { rootfs } = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } }
    const layers = new Map<string, StoredLayer>()
    let chain: string | undefined
    for (const diffID of rootfs.diff_ids) {
      chain = chain === undefined ? diffID : `sha256:${hash('sha256', `${chain} ${diffID}`)}`
      if (layers.has(diffID) || wanted?.has(diffID) === false) continue
      layers.set(diffID, await findLayer(root, store, chain, diffID))
    }
    return { config, diffIDs: rootfs.diff_ids, layers: [...layers.values()] }
  } catch {
    // the engine gives it, or says what is wrong
    return undefined
  }
}

function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? []
  if (hex === undefined) throw new Error(`no digest: ${digest}`)
  return hex
}

/** @throws when anything is other than the store of overlay2 has it */
async function findLayer(root: string, store: string, chain: string, diffID: string): Promise<StoredLayer> {
  const directory = join(store, 'layerdb/sha256', hexOf(chain))
  const [diff, cacheID] = await Promise.all(
    ['diff', 'cache-id'].map(async (name) => (await readFile(join(directory, name), 'utf8')).trim()),
  )
  if (diff !== diffID || !/^[0-9a-z]+$/.test(cacheID ?? '')) throw new Error(`another layer: ${diff}`)
  const [files, record] = [
    join(root, 'overlay2', cacheID ?? '', 'diff'),
    join(directory, 'tar-split.json.gz'),
  ]
  const directories = new Set<string>()
  let size = 0
  for await (const piece of piecesOf(record)) {
    if (piece.kind === 'file') requireFile(files, piece, directories)
    size += piece.kind === 'file' ? piece.size : piece.bytes.length
  }
  return { diffID, files, record, size }
}

/**
 * A file is there with its content, and no link leads to it: none that was copied up without its content (overlayfs, metacopy), and
 * none outside of the layer.
 */
function requireFile(
  files: string,
  { name, size }: Extract<TarPiece, { kind: 'file' }>,
  directories: Set<string>,
): void {
  const parts = name.toString('latin1').split('/')
  if (parts.includes('..')) throw new Error('a path that leads out of its layer')
  for (let depth = 1; depth < parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/')
    if (directories.has(parent)) continue
    if (!lstatSync(pathOf(files, Buffer.from(parent, 'latin1'))).isDirectory()) throw new Error('a link')
    directories.add(parent)
  }
  const found = lstatSync(pathOf(files, name))
  if (!found.isFile() || found.size !== size || found.blocks === 0) throw new Error('another file')
}

const pathOf = (files: string, name: Buffer) => Buffer.concat([Buffer.from(`${files}/`), name])

// the engine wrote it, and it is read piece by piece
const piecesOf = (record: string): AsyncGenerator<TarPiece> =>
  tarPieces(uncompressed(createReadStream(record), { received: () => {}, unpacked: () => {} }))

async function* archive(id: string, { config, diffIDs, layers }: Found): AsyncGenerator<Buffer> {
  const blob = (digest: string) => `blobs/sha256/${hexOf(digest)}`
  const manifest = [{ Config: blob(id), RepoTags: null, Layers: diffIDs.map(blob) }]
  yield member(blob(id), config)
  yield member('manifest.json', Buffer.from(JSON.stringify(manifest)))
  for (const layer of layers) {
    yield tarHeader({ path: blob(layer.diffID), type: 'file', size: layer.size })
    yield* layerTar(layer)
    yield tarPadding(layer.size)
  }
  yield TAR_END
}

function member(path: string, content: Buffer): Buffer {
  const header = tarHeader({ path, type: 'file', size: content.length })
  return Buffer.concat([header, content, tarPadding(content.length)])
}

/** In pieces of one size: most files are small, and each piece has a cost of its own. */
async function* layerTar({ files, record }: StoredLayer): AsyncGenerator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE)
  let used = 0
  for await (const part of piecesOf(record)) {
    const source = part.kind === 'bytes' ? part.bytes : openFile(files, part)
    const size = part.kind === 'bytes' ? part.bytes.length : part.size
    try {
      for (let done = 0; done < size; ) {
        const wanted = Math.min(size - done, PIECE - used)
        const got =
          typeof source === 'number'
            ? readSync(source, piece, used, wanted, done)
            : source.copy(piece, used, done, done + wanted)
        if (got === 0) throw changed()
        done += got
        used += got
        if (used < PIECE) continue
        yield piece
        piece = Buffer.allocUnsafe(PIECE)
        used = 0
      }
    } finally {
      if (typeof source === 'number') closeSync(source)
    }
  }
  yield piece.subarray(0, used)
}

const PIECE = 1024 * 1024

function openFile(files: string, { name }: { name: Buffer }): number {
  try {
    return openSync(pathOf(files, name), constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch {
    throw changed()
  }
}

const changed = () => imageInvalid('A layer of the image was removed or changed while it was read')
