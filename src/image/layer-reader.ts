import { createHash, type Hash, hash } from 'node:crypto'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { type TarHandler, type TarMember, TarReader } from '../formats/tar/tar-reader.ts'
import { DIGESTS, type DigestKind, LayerEntries } from './layer-entries.ts'
import { type Inode, type LayerEntry, lengthOfNames, toLayerEntry } from './layer-entry.ts'
import { Budget, chooses, type ReadOptions } from './read-options.ts'

/** The largest file whose content is kept. */
const CONTENT_LIMIT = 64 * 1024 * 1024

/** Reads a layer's archive as it comes in pieces: contents are hashed and, but for those to keep, forgotten. */
export class LayerReader implements TarHandler {
  readonly entries = new LayerEntries()
  readonly #tar = new TarReader(this)
  readonly #budget: Budget
  #entry: LayerEntry | undefined
  /** Of the member, when it is a regular file. */
  #digests: FileDigests | undefined
  #content: Buffer | undefined
  /** Whether what is kept is all of the file, or its beginning. */
  #isWhole = false
  #filled = 0
  #hasGlobal = false
  #hasGlobalPath = false

  /** @param budget one for all layers of an image; or what to read of a layer alone */
  constructor(budget: Budget | ReadOptions = {}) {
    this.#budget = budget instanceof Budget ? budget : new Budget(budget)
  }

  write(bytes: Buffer): void {
    this.#tar.write(bytes)
  }

  close(): void {
    this.#tar.close()
  }

  /** Where in the archive the member lies that is being read. */
  get offset(): number {
    return this.#tar.offset
  }

  /** containerd deletes what its layer has of the header's name, and makes the directories that it lies in. */
  global(name: string): void {
    if (name !== GLOBAL) throw imageInvalid(`A tar global header has the name of a file, ${quotePath(name)}`)
    this.#hasGlobal = true
    this.#checkGlobal()
  }

  #checkGlobal(): void {
    if (this.#hasGlobal && this.#hasGlobalPath)
      throw imageInvalid(`A layer has a tar global header and a file of its name, ${quotePath(GLOBAL)}`)
  }

  member(member: TarMember): void {
    const entry = toLayerEntry(member)
    if (entry.path === GLOBAL) {
      this.#hasGlobalPath = true
      this.#checkGlobal()
    }
    this.#budget.take('members', 1)
    this.#budget.take('bytes of names and attributes', lengthOfNames(entry))
    const { path, inode, link } = entry
    this.#entry = entry
    this.#digests = undefined
    if (inode.type !== 'file' || link !== undefined) return
    this.#digests = new FileDigests(this.#budget.options, path, inode)
    this.#isWhole = this.#budget.keeps(path, inode.size)
    const wanted = this.#isWhole ? inode.size : Math.min(this.#budget.options.head?.(path) ?? 0, inode.size)
    if (this.#isWhole || wanted > 0) this.#content = this.#allocate(path, wanted)
    this.#filled = 0
  }

  data(bytes: Buffer): void {
    this.#digests?.update(bytes)
    if (this.#content !== undefined) this.#filled += bytes.copy(this.#content, this.#filled)
  }

  end(): void {
    this.#digests?.end()
    if (this.#entry === undefined) return
    if (this.#content !== undefined) this.#entry.inode[this.#isWhole ? 'content' : 'head'] = this.#content
    this.#content = undefined
    this.entries.add(this.#entry)
    this.#entry = undefined
  }

  #allocate(path: string, size: number): Buffer {
    if (size > CONTENT_LIMIT)
      throw imageInvalid(`${quotePath(path)} has ${size} bytes; at most ${CONTENT_LIMIT} are kept`)
    this.#budget.take('bytes of files to keep', size)
    // of its own, so that a small file doesn't keep a pool of others alive
    return size === 0 ? EMPTY : Buffer.allocUnsafeSlow(size)
  }
}

const EMPTY = Buffer.alloc(0)

/** As git calls the header of its archives. */
const GLOBAL = 'pax_global_header'

const ALGORITHMS = { sha256: 'sha256', md5: 'md5', sha1: 'sha1', gitBlob: 'sha1' } as const

/** Whether a digest is to be taken of a file. */
export function wantsDigest(options: ReadOptions, kind: DigestKind, path: string, size: number): boolean {
  return chooses(kind === 'sha256' ? (options.sha256 ?? true) : options[kind], path, size)
}

/** Takes the digests of one regular file's content, as they are asked for, and writes them into its inode. */
class FileDigests {
  readonly #inode: Inode
  readonly #kinds: readonly DigestKind[]
  #hashes: [DigestKind, Hash][] | undefined

  constructor(options: ReadOptions, path: string, inode: Inode) {
    this.#inode = inode
    this.#kinds = DIGESTS.filter((kind) => wantsDigest(options, kind, path, inode.size))
  }

  update(bytes: Buffer): void {
    const inode = this.#inode
    if (this.#hashes === undefined && bytes.length === inode.size) {
      // at once, which is quicker for the many small ones
      for (const kind of this.#kinds) {
        const all = kind === 'gitBlob' ? Buffer.concat([gitHeader(inode.size), bytes]) : bytes
        inode[kind] = hash(ALGORITHMS[kind], all, 'hex')
      }
      return
    }
    this.#hashes ??= this.#kinds.map((kind) => [kind, begin(kind, inode.size)])
    for (const [, state] of this.#hashes) state.update(bytes)
  }

  end(): void {
    if (this.#inode.size === 0) this.update(EMPTY)
    for (const [kind, state] of this.#hashes ?? []) this.#inode[kind] = state.digest('hex')
  }
}

function begin(kind: DigestKind, size: number): Hash {
  const state = createHash(ALGORITHMS[kind])
  return kind === 'gitBlob' ? state.update(gitHeader(size)) : state
}

/** What git hashes before a blob's content. */
const gitHeader = (size: number) => Buffer.from(`blob ${size}\0`)
