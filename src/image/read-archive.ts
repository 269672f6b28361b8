import { posix } from 'node:path'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid, locateError, quotePath } from '../formats/image-invalid.ts'
import type { ImageConfig } from '../formats/oci.ts'
import { type TarHandler, type TarMember, TarReader } from '../formats/tar/tar-reader.ts'
import { type Blob, BlobReader, digestOf } from './blob-reader.ts'
import { type ImageTree, readTree } from './image-tree.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import { treeDigest } from './tree-digest.ts'

/** What an image is, whatever archive it was read from. */
export interface ImageSummary {
  /** Digest of the config. */
  id: string
  diffIDs: string[]
  /** Bytes of all layers, uncompressed. */
  size: number
  /** The tree digest. */
  tree: string
  config: ImageConfig
  /** Paths of the merged tree. */
  entries: number
}

/** As {@link readImageTree}, without the tree. */
export async function readImageArchive(
  stream: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<ImageSummary> {
  const { id, config, layers, root, tree } = await readImageTree(stream, options)
  return {
    id,
    diffIDs: layers.map(({ diffID }) => diffID),
    size: layers.reduce((sum, { size }) => sum + size, 0),
    tree: treeDigest(root),
    config,
    entries: tree.count(),
  }
}

/**
 * Reads an image in one pass over what `docker save` or an OCI exporter writes: a tar of blobs in any order, layers
 * plain or compressed by gzip or zstd, perhaps compressed as a whole. Every blob is held against its name and every
 * layer against the config. Memory grows with the number of files, not with their size, but for contents to keep.
 *
 * @throws {StillroomError} IMAGE_INVALID when the archive is cut short, damaged, ambiguous, or holds not just one
 *   image for the wanted platform
 */
export async function readImageTree(
  stream: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<ImageTree> {
  const budget = new Budget(options)
  const reader = new ArchiveReader(budget)
  const tar = new TarReader(reader)
  const place = () => `at byte ${tar.offset} of the archive`
  for await (const bytes of uncompressed(stream, budget)) {
    try {
      tar.write(bytes)
    } catch (error) {
      throw locateError(error, place())
    }
    const drained = reader.drained()
    if (drained !== undefined) await drained
  }
  tar.close()
  if (!tar.ended) throw imageInvalid(`The archive is cut short (${place()})`)
  const files = reader.files()
  return readTree(async (path) => files.get(posix.normalize(path)), options.platform)
}

const FILE_LIMIT = 100_000

/** Hands each file of the outer archive to a {@link BlobReader}. */
class ArchiveReader implements TarHandler {
  readonly #budget: Budget
  readonly #blobs = new Map<string, Blob>()
  readonly #links = new Map<string, string>()
  #name = ''
  #current: BlobReader | undefined
  #pending: Promise<void>[] = []

  constructor(budget: Budget) {
    this.#budget = budget
  }

  member({ name, flag, size, linkName }: TarMember): void {
    if (name.length > 4096) throw imageInvalid(`The archive has a path of ${name.length} bytes`)
    this.#name = posix.normalize(name)
    this.#current = undefined
    if (flag === '5') return
    if (this.#blobs.has(this.#name) || this.#links.has(this.#name)) {
      throw imageInvalid(`The archive has ${quotePath(this.#name)} twice`)
    }
    if (this.#blobs.size + this.#links.size >= FILE_LIMIT)
      throw imageInvalid(`The archive has more than ${FILE_LIMIT} files`)
    if (flag === '2') this.#links.set(this.#name, posix.join(posix.dirname(this.#name), linkName))
    else if (flag === '1') this.#links.set(this.#name, posix.normalize(linkName))
    else if (flag === '0') {
      const digest = digestOf(this.#name)
      const layer = digest === undefined ? undefined : this.#budget.options.known?.get(digest)
      this.#blobs.set(this.#name, layer === undefined ? { digest: '' } : { digest: digest as string, layer })
      if (layer !== undefined) return
      this.#current = new BlobReader(this.#name, size, this.#budget)
    }
  }

  data(bytes: Buffer): void {
    this.#current?.write(bytes)
  }

  end(): void {
    if (this.#current === undefined) return
    const finished = this.#finish(this.#name, this.#current)
    // Awaited in drained(), which is not reached when what follows in the same bytes is damaged.
    finished.catch(() => {})
    this.#pending.push(finished)
    this.#current = undefined
  }

  /** Something to wait for before more is written, so that a fast stream can't pile up. */
  drained(): Promise<unknown> | undefined {
    if (this.#pending.length === 0) return this.#current?.drained()
    const finished = Promise.all(this.#pending)
    this.#pending = []
    return finished.then(() => this.#current?.drained())
  }

  /** By path, those that are links too. */
  files(): ReadonlyMap<string, Blob> {
    for (const [name, target] of this.#links) {
      let path: string | undefined = target
      for (let hops = 0; hops < 8 && path !== undefined && !this.#blobs.has(path); hops++)
        path = this.#links.get(path)
      const blob = path === undefined ? undefined : this.#blobs.get(path)
      if (blob !== undefined) this.#blobs.set(name, blob)
    }
    return this.#blobs
  }

  async #finish(name: string, reader: BlobReader): Promise<void> {
    const blob = await reader.end()
    const digest = digestOf(name)
    if (digest !== undefined && blob.digest !== digest) {
      throw imageInvalid(`The archive's blob ${quotePath(digest)} has other content: ${blob.digest}`)
    }
    if (blob.layer !== undefined) this.#budget.options.known?.add(blob.digest, blob.layer)
    this.#budget.take('bytes of JSON', blob.json?.length ?? 0)
    this.#blobs.set(name, blob)
  }
}
