import { createHash } from 'node:crypto'
import type { ArtifactContents, ContentFile } from '../../audit/expect/locked-contents.ts'
import { type PythonAbi, sourceHash } from '../../formats/python/byte-code.ts'
import { type TarHandler, type TarMember, TarReader } from '../../formats/tar/tar-reader.ts'
import { type Inode, toLayerEntry } from '../../image/layer-entry.ts'

/** Larger sources are no Python that anyone compiles. */
const SOURCE_LIMIT = 16 * 1024 * 1024

/** Larger metadata is of no package that anyone makes. */
const TEXT_LIMIT = 4 * 1024 * 1024

/** Content of a regular file, as it is hashed. */
export class ContentHasher {
  readonly #sha256 = createHash('sha256')
  readonly #source: Buffer[] | undefined
  readonly #python: PythonAbi | undefined

  constructor(path: string, size: number, python: PythonAbi | undefined) {
    this.#python = python
    if (python !== undefined && path.endsWith('.py') && size <= SOURCE_LIMIT) this.#source = []
  }

  update(bytes: Buffer): void {
    this.#sha256.update(bytes)
    this.#source?.push(Buffer.from(bytes))
  }

  digest(): { sha256: string; sourceHash?: string } {
    const sha256 = this.#sha256.digest('hex')
    if (this.#source === undefined || this.#python === undefined) return { sha256 }
    return { sha256, sourceHash: sourceHash(Buffer.concat(this.#source), this.#python) }
  }
}

/**
 * Reads a tar that was verified by its digest.
 *
 * @throws {StillroomError} IMAGE_INVALID when it is not a tar
 */
export async function readTarContents(
  tar: AsyncIterable<Uint8Array>,
  python?: PythonAbi,
): Promise<ArtifactContents> {
  return (await readTar(tar, new TarContents(python))).contents()
}

/**
 * As {@link readTarContents}, with the metadata of a source distribution of Python.
 *
 * @throws {StillroomError} as {@link readTarContents}
 */
export async function readSourceContents(
  tar: AsyncIterable<Uint8Array>,
  python?: PythonAbi,
): Promise<ArtifactContents> {
  const read = await readTar(tar, new TarContents(python, SOURCE_METADATA))
  return { ...read.contents(), ...sourceMetadata(read.texts) }
}

/** What says what a source distribution is: its own PKG-INFO, and setuptools' notes of what it needs. */
export const SOURCE_METADATA = /^[^/]+\/(?:PKG-INFO|(?:[^/]+\/)?[^/]+\.egg-info\/requires\.txt)$/

/** Of files that {@link SOURCE_METADATA} names, by path. */
export function sourceMetadata(
  texts: ReadonlyMap<string, string>,
): Pick<ArtifactContents, 'metadata' | 'requires'> {
  const [metadata, requires] = [/\/PKG-INFO$/, /\/requires\.txt$/].map(
    (name) => [...texts].find(([path]) => name.test(path))?.[1],
  )
  return { ...(metadata !== undefined && { metadata }), ...(requires !== undefined && { requires }) }
}

async function readTar(tar: AsyncIterable<Uint8Array>, into: TarContents): Promise<TarContents> {
  for await (const bytes of tar) into.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return into
}

/** A tar, read piece by piece as somebody else takes it. */
export class TarContents {
  readonly #handler: ContentsHandler
  readonly #reader: TarReader

  /** @param wanted files whose text is wanted, by path */
  constructor(python: PythonAbi | undefined, wanted?: RegExp) {
    this.#handler = new ContentsHandler(python, wanted)
    this.#reader = new TarReader(this.#handler)
  }

  /** @throws {StillroomError} IMAGE_INVALID when it is not a tar */
  write(bytes: Buffer): void {
    this.#reader.write(bytes)
  }

  /** After the last piece. @throws {StillroomError} IMAGE_INVALID when it is not a whole tar */
  contents(): ArtifactContents {
    this.#reader.close()
    return { files: this.#handler.files() }
  }

  /** Of files that are wanted, as latin1. */
  get texts(): ReadonlyMap<string, string> {
    return this.#handler.texts
  }
}

class ContentsHandler implements TarHandler {
  readonly #files = new Map<string, ContentFile & { link?: string }>()
  readonly #python: PythonAbi | undefined
  #current: (ContentFile & { link?: string }) | undefined
  #hasher: ContentHasher | undefined
  /** Of files that are wanted, as latin1. */
  readonly texts = new Map<string, string>()
  readonly #wanted: RegExp | undefined
  #text: Buffer[] | undefined

  constructor(python: PythonAbi | undefined, wanted: RegExp | undefined) {
    this.#python = python
    this.#wanted = wanted
  }

  member(member: TarMember): void {
    const { path, inode, link } = toLayerEntry(member)
    const { type, size, mode, uid, gid, target } = inode satisfies Inode
    this.#current = {
      path,
      type,
      size,
      sha256: '',
      mode,
      uid,
      gid,
      target,
      ...(link === undefined ? {} : { link }),
    }
    if (path !== '') this.#files.set(path, this.#current)
    this.#hasher =
      type === 'file' && link === undefined ? new ContentHasher(path, size, this.#python) : undefined
    const isWanted = type === 'file' && size <= TEXT_LIMIT && this.#wanted?.test(path) === true
    this.#text = isWanted ? [] : undefined
  }

  data(bytes: Buffer): void {
    this.#hasher?.update(bytes)
    this.#text?.push(Buffer.from(bytes))
  }

  end(): void {
    if (this.#text !== undefined && this.#current !== undefined)
      this.texts.set(this.#current.path, Buffer.concat(this.#text).toString('latin1'))
    if (this.#hasher !== undefined) Object.assign(this.#current as ContentFile, this.#hasher.digest())
  }

  files(): ContentFile[] {
    return [...this.#files.values()].map(({ link, ...file }) => {
      const target = link === undefined ? undefined : this.#files.get(link)
      if (target === undefined) return file
      const { size, sha256, sourceHash } = target
      return { ...file, size, sha256, ...(sourceHash === undefined ? {} : { sourceHash }) }
    })
  }
}
