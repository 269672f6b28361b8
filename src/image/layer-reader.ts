import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { BLOCK } from '../formats/tar/tar-header.ts'
import { type TarHandler, type TarMember, TarReader } from '../formats/tar/tar-reader.ts'
import type { RangeDigester } from './digester.ts'
import { FileDigests } from './file-digests.ts'
import { type Inode, type LayerEntry, toLayerEntry } from './layer-entry.ts'
import { Budget, chooses, type ReadOptions } from './read-options.ts'

/** The largest file whose content is kept. */
const CONTENT_LIMIT = 64 * 1024 * 1024

/**
 * From how many bytes on a file is left to another reader. To pass over less than this takes longer than to read it:
 * reading begins anew, and has read ahead.
 */
const WORTH_SKIPPING = 4 * 1024 * 1024

/** Reads a layer's archive as it comes in pieces: contents are hashed and, but for those to keep, forgotten. */
export class LayerReader implements TarHandler {
  readonly entries: LayerEntry[] = []
  readonly #tar = new TarReader(this)
  readonly #budget: Budget
  #inode: Inode | undefined
  /** Of the member, when it is a regular file. */
  #digests: FileDigests | undefined
  #content: Buffer | undefined
  /** Whether what is kept is all of the file, or its beginning. */
  #isWhole = false
  #filled = 0
  /** Digests that are being taken elsewhere. */
  readonly #pending: Promise<unknown>[] = []

  readonly #elsewhere: RangeDigester | undefined

  /**
   * @param budget one for all layers of an image; or what to read of a layer alone
   * @param elsewhere reads the same archive
   */
  constructor(budget: Budget | ReadOptions = {}, elsewhere?: RangeDigester) {
    this.#budget = budget instanceof Budget ? budget : new Budget(budget)
    this.#elsewhere = elsewhere
  }

  write(bytes: Buffer): void {
    this.#tar.write(bytes)
  }

  /** As {@link TarReader.skip}, where no digest is taken here of what is left, and none of it is kept. */
  skip(most: number): number {
    const isWanted =
      this.#digests !== undefined || (this.#content !== undefined && this.#filled < this.#content.length)
    return isWanted ? 0 : this.#tar.skip({ least: WORTH_SKIPPING, most })
  }

  close(): void {
    this.#tar.close()
  }

  /** Something to wait for before all files have their digests; undefined when they have. */
  digested(): Promise<unknown> | undefined {
    if (this.#pending.length === 0) return undefined
    const digested = Promise.all(this.#pending)
    // awaited later, which is never when something else fails before
    digested.catch(() => {})
    return digested
  }

  /** Where in the archive the member lies that is being read. */
  get offset(): number {
    return this.#tar.offset
  }

  member(member: TarMember): void {
    let names = member.name.length + member.linkName.length
    for (const [name, value] of member.xattrs) names += name.length + value.length
    this.#budget.take('members', 1)
    this.#budget.take('bytes of names and attributes', names)
    const entry = toLayerEntry(member)
    this.#digests = undefined
    this.#inode = undefined
    if (this.#budget.options.retain?.(entry) === false) return
    this.entries.push(entry)
    const { path, inode, link } = entry
    this.#inode = inode
    if (inode.type !== 'file' || link !== undefined) return
    if (!this.#digestElsewhere(path, inode))
      this.#digests = new FileDigests(this.#budget.options, path, inode)
    const { keep, head } = this.#budget.options
    this.#isWhole = chooses(keep, path, inode.size)
    const wanted = this.#isWhole ? inode.size : Math.min(head?.(path) ?? 0, inode.size)
    if (this.#isWhole || wanted > 0) this.#content = this.#room(path, wanted)
    this.#filled = 0
  }

  data(bytes: Buffer): void {
    this.#digests?.update(bytes)
    if (this.#content !== undefined) this.#filled += bytes.copy(this.#content, this.#filled)
  }

  end(): void {
    const digested = this.#digests?.end()
    if (digested !== undefined) {
      // awaited in digested(), which is not reached when what follows is damaged
      digested.catch(() => {})
      this.#pending.push(digested)
    }
    if (this.#content !== undefined && this.#inode !== undefined)
      this.#inode[this.#isWhole ? 'content' : 'head'] = this.#content
    this.#content = undefined
  }

  /** Of a large file, when it is the sha256 alone. */
  #digestElsewhere(path: string, inode: Inode): boolean {
    const { size } = inode
    if (this.#elsewhere === undefined || size < WORTH_SKIPPING) return false
    const { md5, sha1, gitBlob } = this.#budget.options
    if ([md5, sha1, gitBlob].some((choice) => chooses(choice, path, size))) return false
    const digested = this.#elsewhere.part(this.#tar.offset + BLOCK, size).then((hex) => {
      inode.sha256 = hex
    })
    digested.catch(() => {})
    this.#pending.push(digested)
    return true
  }

  #room(path: string, size: number): Buffer {
    if (size > CONTENT_LIMIT)
      throw imageInvalid(`${quotePath(path)} has ${size} bytes; at most ${CONTENT_LIMIT} are kept`)
    this.#budget.take('bytes of files to keep', size)
    // of its own, so that a small file doesn't keep a pool of others alive
    return size === 0 ? EMPTY : Buffer.allocUnsafeSlow(size)
  }
}

const EMPTY = Buffer.alloc(0)
