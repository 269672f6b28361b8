import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { connectEngine, type Engine } from '../engine/connect.ts'
import { engineError } from '../engine/engine-error.ts'
import { findImage, saveImage } from '../engine/find-image.ts'
import { StillroomError } from '../error.ts'
import { DigestThread, fileState } from './digest-thread.ts'
import { LARGE, type RangeDigester } from './digester.ts'
import type { ImageTree } from './image-tree.ts'
import { indexArchive } from './index-archive.ts'
import { readImageTree } from './read-archive.ts'
import { digestLayers, type LayoutFile, type OpenFile, readImageLayout } from './read-layout.ts'
import type { ReadOptions } from './read-options.ts'
import { readPair } from './read-pair.ts'
import { type Range, readPieces, SMALL_PIECE } from './read-pieces.ts'

export interface OpenImageOptions extends Omit<ReadOptions, 'digester' | 'accounts'> {
  /** The engine to ask, when there is a connection already. */
  engine?: Engine
}

export interface OpenedImage extends ImageTree {
  /** As it was asked for. */
  reference: string
  source: 'file' | 'directory' | 'engine'
}

/**
 * Reads an image, wherever it is, without running it: its config, and the merged tree with the sha256 of every file.
 *
 * @param what a file (`docker save`, or a tar of an OCI image layout, perhaps compressed), a directory (an OCI image
 *   layout, or an unpacked `docker save`), or else the name or ID of an image in the engine. What looks like a path
 *   (`./x`, `/x`, `x.tar`) is never asked of the engine.
 * @throws {StillroomError} IMAGE_MISSING when there is no such thing, IMAGE_UNREADABLE when the disk doesn't give it,
 *   IMAGE_INVALID when it is no sound image for the wanted platform, ENGINE_MISSING and ENGINE_TOO_OLD from the engine
 */
export async function openImage(
  session: { signal: AbortSignal },
  what: string,
  { engine, ...options }: OpenImageOptions = {},
): Promise<OpenedImage> {
  const thread = new DigestThread(session.signal)
  try {
    const source = await findSource(what)
    const files = source === 'directory' ? await openLayout(what, { thread }) : undefined
    return await readFrom({ what, source, files, engine, thread }, options)
  } finally {
    await thread.end()
  }
}

/**
 * Finds an image as {@link openImage} does, and gives what reads it, once or again. Of one that lies on disk, where
 * parts of it can be read, the digests of its layers are being taken from now on.
 *
 * @param thread takes the digests, and is ended by who gave it, when nothing is waited for any more
 * @throws {StillroomError} as {@link openImage}, which what is given does too
 */
export async function locateImage(
  what: string,
  thread: DigestThread,
  platform?: string,
): Promise<(options: Omit<ReadOptions, 'digester' | 'platform'>) => Promise<OpenedImage>> {
  const source = await findSource(what)
  const files = await filesOnDisk(source, what, { thread })
  if (files !== undefined) await digestLayers(files, platform)
  return (options) =>
    readFrom(
      { what, source, files, engine: undefined, thread },
      { ...options, ...(platform && { platform }) },
    )
}

/**
 * Reads two images for what differs between them, when both lie on disk so that parts of them can be read: as
 * directories, or as archives that are not compressed as a whole.
 *
 * @returns undefined when one of them does not
 * @throws {StillroomError} as {@link openImage}
 */
export async function openPair(
  session: { signal: AbortSignal },
  [a, b]: readonly [string, string],
  options: Omit<ReadOptions, 'digester'> = {},
): Promise<{ a: ImageTree; b: ImageTree } | undefined> {
  const small = { piece: SMALL_PIECE }
  const openA = await filesOnDisk(await findSource(a), a, small)
  const openB = await filesOnDisk(await findSource(b), b, small)
  if (openA === undefined || openB === undefined) return undefined
  // layers of one image, of whose files few are hashed: a second thread would win little and take as much memory again
  return readPair(openA, openB, { signal: session.signal, ...options })
}

/** Gives the files of an image, where parts of it can be read. */
async function filesOnDisk(
  source: OpenedImage['source'],
  what: string,
  options: FileOptions,
): Promise<OpenFile | undefined> {
  switch (source) {
    case 'engine':
      return undefined
    case 'directory':
      return openLayout(what, options)
    case 'file':
      return openArchive(what, options)
  }
}

interface FoundImage {
  what: string
  source: OpenedImage['source']
  /** When it is to be read in parts. */
  files: OpenFile | undefined
  engine: Engine | undefined
  thread: DigestThread
}

async function readFrom(
  { what, source, files, engine, thread }: FoundImage,
  given: Omit<ReadOptions, 'digester'>,
): Promise<OpenedImage> {
  const { signal } = thread
  const options: ReadOptions = {
    ...(signal && { signal }),
    ...given,
    digester: (algorithm) => thread.digester(algorithm),
  }
  const read = async () => {
    if (files !== undefined) return readImageLayout(files, options)
    if (source === 'file') return readImageTree((await openFile(what)).read(0), options)
    return readImageTree(
      await savedImage(engine ?? (await connectEngine({ signal: options.signal })), what, options.signal),
      options,
    )
  }
  return { reference: what, source, ...(await read()) }
}

async function findSource(what: string): Promise<OpenedImage['source']> {
  const isPath = /^(\/|\.\.?(\/|$))/.test(what) || /\.(tar|tgz|tzst|tar\.\w+)$/.test(what)
  try {
    if (!(await stat(what)).isDirectory()) return 'file'
    // a directory of sources may have the name of an image
    const files = isPath ? [] : await readdir(what)
    return isPath || files.includes('index.json') || files.includes('manifest.json') ? 'directory' : 'engine'
  } catch (error) {
    if (!isNotThere(error)) throw unreadable(what, error)
    if (!isPath) return 'engine'
  }
  throw new StillroomError('IMAGE_MISSING', `there is no file or directory "${what}"`, {
    hint: 'name a docker save archive, an OCI image layout, or an image of the engine',
  })
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

/** Gives the files of an archive; undefined when it must be read as a whole. */
async function openArchive(archive: string, options: FileOptions): Promise<OpenFile | undefined> {
  const file = await openRegular(archive)
  try {
    const state = fileState(await file.stat({ bigint: true }))
    const places = await indexArchive(file)
    return (
      places &&
      once(async (path) => {
        const range = places.get(path)
        return range && layoutFile(archive, range, { ...options, state })
      })
    )
  } finally {
    await file.close()
  }
}

interface FileOptions {
  /** Takes digests of what is read. */
  thread?: DigestThread
  /** Of the file, before anything was read of it. */
  state?: string
  /** Bytes that are read at a time. */
  piece?: number
}

/** Gives the files of a directory; a path or link that leads out of it leads nowhere. */
async function openLayout(directory: string, options: FileOptions = {}): Promise<OpenFile> {
  const root = await realpath(directory)
  return once(async (path) => {
    if (path.includes('\0')) return undefined
    try {
      const place = await realpath(join(root, path))
      return place.startsWith(root + sep) ? await openFile(place, options) : undefined
    } catch (error) {
      if (isNotThere(error)) return undefined
      throw error instanceof StillroomError ? error : unreadable(path, error)
    }
  })
}

/** The same file whenever it is asked for, with the digest that is being taken of it. */
function once(open: OpenFile): OpenFile {
  const opened = new Map<string, ReturnType<OpenFile>>()
  return (path) => {
    const file = opened.get(path) ?? open(path)
    opened.set(path, file)
    return file
  }
}

async function openFile(path: string, options: FileOptions = {}): Promise<LayoutFile> {
  const file = await openRegular(path)
  try {
    const stats = await file.stat({ bigint: true })
    const range = { from: 0, size: Number(stats.size) }
    return layoutFile(path, range, { ...options, state: fileState(stats) })
  } finally {
    await file.close()
  }
}

/** Part of a file, which is opened when it is read: here, by the thread, or by both. */
function layoutFile(path: string, range: Range, { thread, state, piece }: FileOptions): LayoutFile {
  const bytes = async function* (at: number) {
    const rest = { from: range.from + at, size: range.size - at }
    yield* readPieces(await openRegular(path), rest, piece)
    if (state !== undefined && fileState(await stat(path, { bigint: true })) !== state)
      throw new Error('it was changed while it was read')
  }
  const file = { size: range.size, read: (at: number) => guarded(path, bytes(at)) }
  if (thread === undefined || state === undefined || range.size < LARGE) return file
  const digest = (part: Range, when: 'soon' | 'later') =>
    thread.digestRange(path, state, part, when).catch((error: unknown) => {
      thread.signal?.throwIfAborted()
      throw unreadable(path, error)
    })
  let whole: Promise<string> | undefined
  const digester: RangeDigester = {
    whole: () => {
      whole ??= digest(range, 'later')
      return whole
    },
    part: (from, size) => digest({ from: range.from + from, size }, 'soon'),
  }
  return { ...file, digester }
}

/** Opens a regular file; a pipe or device, which may never end, is refused. */
async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw isNotThere(error) ? error : unreadable(path, error)
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw unreadable(path, 'it is not a regular file')
}

async function* guarded(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (error) {
    throw unreadable(path, error)
  }
}

function isNotThere(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(code)
}

function unreadable(path: string, cause: unknown): StillroomError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StillroomError('IMAGE_UNREADABLE', `"${path}" can't be read: ${reason}`, {
    hint: 'check that it is a file or directory that you may read',
    cause,
  })
}
