import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { connectEngine, type Engine } from '../engine/connect.ts'
import { engineError } from '../engine/engine-error.ts'
import { findImage, saveImage } from '../engine/find-image.ts'
import { StillroomError } from '../error.ts'
import { DigestThreads, type FileRange } from './digest-threads.ts'
import { diskFile, fileState, isNotThere, LARGE, openRegular, readRange, unreadable } from './disk-file.ts'
import { type ImageTree, layoutFiles, type OpenFile, readImageLayout } from './image-tree.ts'
import { indexArchive } from './index-archive.ts'
import { readImageTree } from './read-archive.ts'
import type { ReadOptions } from './read-options.ts'
import { readPair } from './read-pair.ts'
import { isSifFile, readSifTree } from './read-sif.ts'
import { selectImage, TOP_FILES, type WantedImage } from './select-image.ts'

export interface OpenImageOptions extends ReadOptions {
  /** The engine to ask, when there is a connection already. */
  engine?: Engine
  /** Opens images of registries. */
  registry?: OpenRegistryImage
}

/** Gives the files of an image by its name in a registry: `registry.example.org/team/app:1`, or with a digest. */
export type OpenRegistryImage = (reference: string, signal: AbortSignal) => Promise<OpenFile>

export interface OpenedImage extends ImageTree {
  /** As it was asked for. */
  reference: string
  source: 'file' | 'directory' | 'engine' | 'registry'
}

/** An image that was found, to be read once or again. */
export interface LocatedImage {
  /** @throws {StillroomError} as {@link openImage} */
  read(options: Omit<ReadOptions, 'platform' | 'name' | 'signal'>): Promise<OpenedImage>
  /** Ends what may still be reading it. */
  close(): Promise<void>
}

/**
 * Reads an image, wherever it is, without running it: its config, and the merged tree with the sha256 of every file.
 *
 * @param what a file (`docker save`, or a tar of an OCI image layout, perhaps compressed; or a SIF), a directory (an OCI image
 *   layout, or an unpacked `docker save`), `docker://` and the name of an image in a registry, or else the name or ID of an
 *   image in the engine. What looks like a path (`./x`, `/x`, `x.tar`) is never asked of the engine. `#` and a name or ID
 *   behind a file or directory choose one of several images: `both.tar#app:1`
 * @throws {StillroomError} IMAGE_MISSING when there is no such thing, IMAGE_UNREADABLE when the disk doesn't give it,
 *   IMAGE_INVALID when it is not a sound image for the wanted platform, ENGINE_MISSING and ENGINE_TOO_OLD from the engine,
 *   REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED from a registry
 */
export async function openImage(
  session: { signal: AbortSignal },
  what: string,
  options: OpenImageOptions = {},
): Promise<OpenedImage> {
  const image = await locateImage(session, what, options)
  try {
    return await image.read(options)
  } finally {
    await image.close()
  }
}

/**
 * Finds an image as {@link openImage} does. Of one that lies on disk, where parts of it can be read, the digests of its
 * layers are being taken from now on by another thread.
 *
 * @throws {StillroomError} as {@link openImage}
 */
export async function locateImage(
  { signal }: { signal: AbortSignal },
  reference: string,
  { engine, platform, registry }: Pick<OpenImageOptions, 'engine' | 'platform' | 'registry'> = {},
): Promise<LocatedImage> {
  const threads = new DigestThreads(signal)
  const over = new AbortController()
  try {
    const { what, name, source } = await findSource(reference)
    const wanted = { ...(platform && { platform }), ...(name && { name }) }
    const isSif = source === 'file' && (await isSifFile(what))
    const onDisk = isSif ? undefined : await filesOnDisk(source, what, threads)
    if (onDisk !== undefined) await digestLayers(onDisk, wanted)
    const ended = AbortSignal.any([signal, over.signal])
    const open = source === 'registry' ? await inRegistry(registry, what, ended) : onDisk
    const readIt = async (options: ReadOptions) => {
      if (isSif) return readSifTree(what, options, threads)
      if (open !== undefined) return readImageLayout(open, options)
      if (source === 'file') return readImageTree(readRange(await wholeFile(what)), options)
      return readImageTree(
        await savedImage(engine ?? (await connectEngine({ signal })), what, signal),
        options,
      )
    }
    return {
      read: async (options) => ({
        reference,
        source,
        ...(await readIt({ ...options, signal, ...wanted })),
      }),
      close: async () => {
        over.abort()
        await threads.end()
      },
    }
  } catch (error) {
    await threads.end()
    throw error
  }
}

function inRegistry(
  open: OpenRegistryImage | undefined,
  reference: string,
  signal: AbortSignal,
): Promise<OpenFile> {
  if (open === undefined) throw new TypeError('registries are not asked here')
  return open(reference, signal)
}

/** Lets the digests of an image's layers be taken, before they are read. */
async function digestLayers(open: OpenFile, wanted: WantedImage): Promise<void> {
  const { layers } = await selectImage(layoutFiles(open, {}).document, wanted)
  for (const path of new Set(layers)) {
    const file = await open(path)
    // waited for when the layer is read
    if (file !== undefined && file.size >= LARGE) file.digest({ ahead: true }).catch(() => {})
  }
}

/**
 * Reads two images for what differs between them, when both lie on disk so that parts of them can be read: as
 * directories, or as archives that are not compressed as a whole.
 *
 * @returns undefined when one of them does not
 * @throws {StillroomError} as {@link openImage}
 */
export async function openPair(
  { signal }: { signal: AbortSignal },
  [a, b]: readonly [string, string],
  options: Omit<ReadOptions, 'cache' | 'name' | 'signal'> = {},
): Promise<{ a: ImageTree; b: ImageTree } | undefined> {
  const sources = [await findSource(a), await findSource(b)] as const
  const [openA, openB] = [
    await filesOnDisk(sources[0].source, sources[0].what),
    await filesOnDisk(sources[1].source, sources[1].what),
  ]
  if (openA === undefined || openB === undefined) return undefined
  // layers of one image, of whose files few are hashed: a second thread would win little and take as much memory again
  return readPair(openA, openB, { signal, names: sources.map(({ name }) => name), ...options })
}

/** Gives the files of an image, where parts of it can be read. */
async function filesOnDisk(
  source: OpenedImage['source'],
  what: string,
  threads?: DigestThreads,
): Promise<OpenFile | undefined> {
  switch (source) {
    case 'engine':
    case 'registry':
      return undefined
    case 'directory':
      return openLayout(what, threads)
    case 'file':
      return openArchive(what, threads)
  }
}

/** Where an image is, and which one of those that are there. */
interface Source {
  what: string
  name?: string
  source: OpenedImage['source']
}

/** As skopeo and podman write it, too. */
const IN_REGISTRY = /^docker:\/\//

async function findSource(reference: string): Promise<Source> {
  if (IN_REGISTRY.test(reference)) return { what: reference.replace(IN_REGISTRY, ''), source: 'registry' }
  const source = await sourceOf(reference)
  if (source !== undefined) return { what: reference, source }
  // a file may have a # in its name
  const [, what, name] = /^(.+)#([^#]+)$/s.exec(reference) ?? []
  const outer = what === undefined ? undefined : await sourceOf(what)
  if (what !== undefined && name !== undefined && outer !== undefined && outer !== 'engine')
    return { what, name, source: outer }
  if (!isPath(what ?? reference)) return { what: reference, source: 'engine' }
  throw new StillroomError('IMAGE_MISSING', `there is no file or directory "${what ?? reference}"`, {
    hint: 'name a docker save archive, a SIF, an OCI image layout, an image of the engine, or docker://REGISTRY/NAME',
  })
}

/** Whether it looks like a path, so that it is never asked of an engine. */
export const isPath = (what: string) =>
  /^(\/|\.\.?(\/|$))/.test(what) || /\.(tar|tgz|tzst|tar\.\w+|sif)$/.test(what)

/** Undefined when there is no file or directory of that name. */
async function sourceOf(what: string): Promise<OpenedImage['source'] | undefined> {
  try {
    if (!(await stat(what)).isDirectory()) return 'file'
    // a directory of sources may have the name of an image
    const files = isPath(what) ? [] : await readdir(what)
    return isPath(what) || files.includes('index.json') || files.includes('manifest.json')
      ? 'directory'
      : 'engine'
  } catch (error) {
    if (isNotThere(error)) return undefined
    throw unreadable(what, error)
  }
}

async function savedImage(
  engine: Engine,
  name: string,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const image = await findImage(engine, name)
  if (image === undefined) {
    throw new StillroomError(
      'IMAGE_MISSING',
      `there is no image "${name}": no file or directory of that name, and the Docker Engine has none`,
      { hint: '`docker images` lists those of the engine' },
    )
  }
  // by a name without a tag, an engine saves the images of all its tags
  const saved = await saveImage(engine, image.reference)
  if (signal !== undefined && saved instanceof Readable) addAbortSignal(signal, saved)
  return (async function* () {
    try {
      yield* saved
    } catch (error) {
      signal?.throwIfAborted()
      throw engineError(`saving image ${name}`, error)
    }
  })()
}

/** Gives the files of an archive on disk; undefined when it must be read as a whole. */
export async function openArchive(archive: string, threads?: DigestThreads): Promise<OpenFile | undefined> {
  const file = await openRegular(archive)
  try {
    const state = await fileState(file)
    const places = await indexArchive(file)
    // reading it whole says what it is instead
    if (places === undefined || !TOP_FILES.some((path) => places.has(path))) return undefined
    return async (path) => {
      const place = places.get(path)
      return place && diskFile(path, { path: archive, state, ...place }, threads)
    }
  } finally {
    await file.close()
  }
}

/** Gives the files of a directory; a path or link that leads out of it leads nowhere. */
async function openLayout(directory: string, threads?: DigestThreads): Promise<OpenFile> {
  const root = await realpath(directory)
  return async (path) => {
    if (path.includes('\0')) return undefined
    try {
      const place = await realpath(join(root, path))
      return place.startsWith(root + sep) ? diskFile(path, await wholeFile(place), threads) : undefined
    } catch (error) {
      if (isNotThere(error)) return undefined
      throw error instanceof StillroomError ? error : unreadable(path, error)
    }
  }
}

async function wholeFile(path: string): Promise<FileRange> {
  const file = await openRegular(path)
  try {
    return { path, state: await fileState(file), from: 0, size: (await file.stat()).size }
  } finally {
    await file.close()
  }
}
