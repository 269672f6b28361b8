import { createHash, type Hash, hash } from 'node:crypto'
import { imageInvalid, quotePath } from './image-invalid.ts'
import { type Inode, type LayerEntry, toLayerEntry } from './layer-entry.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import { type TarHandler, type TarMember, TarReader } from './tar-reader.ts'

/** The largest file whose content is kept. */
const CONTENT_LIMIT = 64 * 1024 * 1024

const EMPTY = { sha256: hash('sha256', '', 'hex'), md5: hash('md5', '', 'hex') }

/** Reads a layer's archive as it comes in pieces: contents are hashed and, but for those to keep, forgotten. */
export class LayerReader implements TarHandler {
  readonly entries: LayerEntry[] = []
  readonly #tar = new TarReader(this)
  readonly #options: ReadOptions
  readonly #budget: Budget
  #entry: LayerEntry | undefined
  #hashes: { sha256: Hash; md5: Hash | undefined } | undefined
  #md5 = false
  #content: Buffer | undefined
  #filled = 0

  constructor(options: ReadOptions = {}, budget = new Budget()) {
    this.#options = options
    this.#budget = budget
  }

  write(bytes: Buffer): void {
    this.#tar.write(bytes)
  }

  close(): void {
    this.#tar.close()
  }

  member(member: TarMember): void {
    let names = member.name.length + member.linkName.length
    for (const [name, value] of member.xattrs) names += name.length + value.length
    this.#budget.take('members', 1)
    this.#budget.take('bytes of names and attributes', names)
    const entry = toLayerEntry(member)
    this.#entry = entry
    this.entries.push(entry)
    if (entry.inode.type === 'file' && entry.link === undefined) this.#begin(entry)
  }

  data(bytes: Buffer): void {
    const { inode } = this.#entry as LayerEntry
    if (this.#content !== undefined) this.#filled += bytes.copy(this.#content, this.#filled)
    if (this.#hashes === undefined && bytes.length === inode.size) {
      inode.sha256 = hash('sha256', bytes, 'hex')
      if (this.#md5) inode.md5 = hash('md5', bytes, 'hex')
      return
    }
    this.#hashes ??= { sha256: createHash('sha256'), md5: this.#md5 ? createHash('md5') : undefined }
    this.#hashes.sha256.update(bytes)
    this.#hashes.md5?.update(bytes)
  }

  end(): void {
    const { inode } = this.#entry as LayerEntry
    if (this.#hashes !== undefined) {
      inode.sha256 = this.#hashes.sha256.digest('hex')
      if (this.#hashes.md5 !== undefined) inode.md5 = this.#hashes.md5.digest('hex')
      this.#hashes = undefined
    }
    if (this.#content !== undefined) inode.content = this.#content
    this.#content = undefined
  }

  #begin({ path, inode }: LayerEntry): void {
    const { keep, md5 } = this.#options
    this.#md5 = typeof md5 === 'function' ? md5(path) : md5 === true
    if (keep?.(path, inode.size) === true) this.#content = this.#room(path, inode)
    this.#filled = 0
    if (inode.size > 0) return
    inode.sha256 = EMPTY.sha256
    if (this.#md5) inode.md5 = EMPTY.md5
  }

  #room(path: string, { size }: Inode): Buffer {
    if (size > CONTENT_LIMIT)
      throw imageInvalid(`${quotePath(path)} has ${size} bytes; at most ${CONTENT_LIMIT} are kept`)
    this.#budget.take('bytes of files to keep', size)
    return Buffer.allocUnsafe(size)
  }
}
