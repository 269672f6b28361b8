import { createHash, type Hash, hash } from 'node:crypto'
import { imageInvalid } from './image-invalid.ts'
import { type LayerEntry, toLayerEntry } from './layer-entry.ts'
import { type TarHandler, type TarMember, TarReader } from './tar-reader.ts'

/** More members, and more bytes of names and attributes, than any image has: an end to hostile ones. */
export const ENTRY_LIMIT = 2_000_000
const NAMES_LIMIT = 512 * 1024 * 1024

const EMPTY = hash('sha256', '', 'hex')

/** Reads a layer's archive as it comes in pieces: contents are hashed and forgotten. */
export class LayerReader implements TarHandler {
  readonly entries: LayerEntry[] = []
  readonly #tar = new TarReader(this)
  #entry: LayerEntry | undefined
  #hash: Hash | undefined
  #names = 0

  write(bytes: Buffer): void {
    this.#tar.write(bytes)
  }

  close(): void {
    this.#tar.close()
  }

  member(member: TarMember): void {
    if (this.entries.length >= ENTRY_LIMIT) throw imageInvalid(`A layer has more than ${ENTRY_LIMIT} members`)
    this.#names += member.name.length + member.linkName.length
    for (const [name, value] of member.xattrs) this.#names += name.length + value.length
    if (this.#names > NAMES_LIMIT) throw imageInvalid(`A layer has more than ${NAMES_LIMIT} bytes of names`)
    this.#entry = toLayerEntry(member)
    this.entries.push(this.#entry)
  }

  data(bytes: Buffer): void {
    const { inode } = this.#entry as LayerEntry
    if (this.#hash === undefined && bytes.length === inode.size) inode.sha256 = hash('sha256', bytes, 'hex')
    else {
      this.#hash ??= createHash('sha256')
      this.#hash.update(bytes)
    }
  }

  end(): void {
    const { inode, link } = this.#entry as LayerEntry
    if (this.#hash !== undefined) inode.sha256 = this.#hash.digest('hex')
    else if (inode.size === 0 && inode.type === 'file' && link === undefined) inode.sha256 = EMPTY
    this.#hash = undefined
  }
}
