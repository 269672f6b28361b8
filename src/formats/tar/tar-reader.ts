import { imageInvalid } from '../image-invalid.ts'
import { BLOCK, isZeroBlock, parsePaxRecords, parseTarHeader, type TarHeader, XATTR } from './tar-header.ts'

/** A member of an archive, with what extended headers said of it; its numbers are whole and its size is not negative. */
export interface TarMember extends TarHeader {
  /** Extended attributes: name and raw bytes, both latin1. */
  xattrs: Map<string, string>
}

/** What a {@link TarReader} calls, in this order for each member; `data` as often as it needs. */
export interface TarHandler {
  member(member: TarMember): void
  data(bytes: Buffer): void
  end(): void
  /** A global header, whose records count for nothing. */
  global?(name: string): void
}

/** The most that one extended header or long name may take. */
const META_LIMIT = 1024 * 1024

/**
 * Reads tar archives as engines and builders write them: ustar, pax, GNU long names and numbers. It is fed with bytes
 * in pieces of any size and keeps none of a member's content. Where formats leave a choice it does what Go's
 * archive/tar does, since that is what engines unpack with: the records of global headers are ignored, links carry no
 * content. What Go would lose in silence, such as a long name before a global header, is refused.
 */
export class TarReader {
  readonly #handler: TarHandler
  readonly #block = Buffer.alloc(BLOCK)
  #filled = 0
  #remaining = 0
  #padding = 0
  #zeroBlocks = 0
  /** Bytes of the pieces before this one. */
  #before = 0
  /** Where the last header block begins. */
  #offset = 0
  /** The member that the coming bytes belong to; a header for the next member while `#meta` is set. */
  #flag = ''
  #meta: Buffer[] | undefined
  #pax = new Map<string, string>()
  #longName: string | undefined
  #longLink: string | undefined
  /** Kinds of extended headers since the last member, but for global ones. */
  #seen = ''

  constructor(handler: TarHandler) {
    this.#handler = handler
  }

  /** @throws {StillroomError} IMAGE_INVALID when the bytes are no such archive */
  write(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && this.#zeroBlocks < 2) {
      const left = chunk.length - at
      if (this.#remaining > 0) {
        const length = Math.min(this.#remaining, left)
        this.#take(length === chunk.length ? chunk : chunk.subarray(at, at + length))
        at += length
      } else if (this.#padding > 0) {
        const length = Math.min(this.#padding, left)
        this.#padding -= length
        at += length
      } else if (this.#filled === 0 && left >= BLOCK) {
        this.#offset = this.#before + at
        this.#header(chunk.subarray(at, at + BLOCK))
        at += BLOCK
      } else {
        const length = Math.min(BLOCK - this.#filled, left)
        chunk.copy(this.#block, this.#filled, at, at + length)
        at += length
        this.#filled += length
        if (this.#filled < BLOCK) continue
        this.#filled = 0
        this.#offset = this.#before + at - BLOCK
        this.#header(this.#block)
      }
    }
    this.#before += chunk.length
  }

  /**
   * Passes over what is left of a member's content and padding.
   *
   * @returns how many bytes of the archive the caller leaves out before it writes more
   */
  skip(): number {
    if (this.#meta !== undefined || this.#filled > 0) return 0
    const skipped = this.#remaining + this.#padding
    this.#before += skipped
    this.#padding = 0
    if (this.#remaining > 0) {
      this.#remaining = 0
      this.#handler.end()
    }
    return skipped
  }

  /** Where in the archive the last header block begins. */
  get offset(): number {
    return this.#offset
  }

  /** Whether the two blocks that end an archive were read; engines do without them in layers. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2
  }

  /** @throws {StillroomError} IMAGE_INVALID when the archive ends in the midst of a member */
  close(): void {
    if (this.ended) return
    if (this.#remaining > 0 || this.#padding > 0 || this.#filled > 0 || this.#hasMeta()) {
      throw imageInvalid('A tar archive is cut short')
    }
  }

  #take(bytes: Buffer): void {
    this.#remaining -= bytes.length
    if (this.#meta === undefined) this.#handler.data(bytes)
    else this.#meta.push(Buffer.from(bytes))
    if (this.#remaining === 0) this.#finish()
  }

  #finish(): void {
    if (this.#meta === undefined) {
      this.#handler.end()
      return
    }
    const data = Buffer.concat(this.#meta)
    this.#meta = undefined
    if (this.#flag === 'x') this.#pax = parsePaxRecords(data)
    else if (this.#flag === 'g') parsePaxRecords(data)
    else if (this.#flag === 'L') this.#longName = untilNul(data)
    else if (this.#flag === 'K') this.#longLink = untilNul(data)
  }

  #header(block: Buffer): void {
    if (block[0] === 0 && isZeroBlock(block)) {
      if (this.#hasMeta()) throw imageInvalid('A tar extended header has no member')
      this.#zeroBlocks += 1
      return
    }
    if (this.#zeroBlocks > 0) throw imageInvalid('A tar archive has one block of zeros among its members')
    const header = parseTarHeader(block)
    const isMeta = META.includes(header.flag)
    const member = isMeta ? undefined : this.#member(header)
    const size = member?.size ?? header.size
    if (isMeta) this.#requireMeta(header)
    this.#flag = header.flag
    this.#remaining = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
    if (isMeta) this.#meta = []
    else this.#seen = ''
    if (member !== undefined) this.#handler.member(member)
    if (size === 0) this.#finish()
  }

  #requireMeta({ name, flag, size }: TarHeader): void {
    if (size < 0 || size > META_LIMIT) throw imageInvalid(`A tar extended header claims ${size} bytes`)
    if (flag === 'g') {
      if (this.#seen !== '') throw imageInvalid('A tar extended header has a global one before its member')
      this.#handler.global?.(name)
      return
    }
    if (this.#seen.includes(flag)) throw imageInvalid('A tar member has two extended headers of one kind')
    this.#seen += flag
  }

  #hasMeta(): boolean {
    return this.#seen !== ''
  }

  /** The header with what the extended headers before it say; those are used up by it. */
  #member(header: TarHeader): TarMember {
    const pax = this.#pax
    const xattrs = pax.size === 0 ? NONE : readXattrs(pax)
    const member: TarMember = {
      name: this.#longName || pax.get('path') || header.name,
      flag: header.flag,
      mode: header.mode,
      uid: paxNumber(pax, 'uid') ?? header.uid,
      gid: paxNumber(pax, 'gid') ?? header.gid,
      size: paxNumber(pax, 'size') ?? header.size,
      mtime: paxTime(pax, 'mtime') ?? header.mtime,
      linkName: this.#longLink || pax.get('linkpath') || header.linkName,
      major: header.major,
      minor: header.minor,
      xattrs,
    }
    for (const key of pax.keys()) {
      if (key.startsWith('GNU.sparse.'))
        throw imageInvalid('A tar member is a sparse file, which is not read')
    }
    paxTime(pax, 'atime')
    paxTime(pax, 'ctime')
    const size = Math.min(member.size, header.size)
    if (size < 0) throw imageInvalid(`A tar member claims ${size} bytes`)
    // Before POSIX a directory was a file whose name ends in a slash.
    if (member.flag === '\0') member.flag = member.name.endsWith('/') ? '5' : '0'
    if (HEADER_ONLY.includes(member.flag)) member.size = 0
    if (pax.size > 0) this.#pax = new Map()
    this.#longName = undefined
    this.#longLink = undefined
    return member
  }
}

const META = 'xgLK'
const HEADER_ONLY = '123456'
const NONE: Map<string, string> = new Map()

/** Decimal. */
function paxNumber(pax: Map<string, string>, key: string): number | undefined {
  const text = pax.get(key)
  return text === undefined || text === '' ? undefined : toNumber(/^-?\d{1,16}$/.exec(text)?.[0], key)
}

/** Decimal seconds, perhaps with a fraction, which is cut off towards the past. */
function paxTime(pax: Map<string, string>, key: string): number | undefined {
  const text = pax.get(key)
  if (text === undefined || text === '') return undefined
  const [, whole, fraction = ''] = /^(-?\d{1,16})(?:\.(\d*))?$/.exec(text) ?? []
  const value = toNumber(whole, key)
  return whole?.startsWith('-') && /[1-9]/.test(fraction) ? value - 1 : value
}

function toNumber(digits: string | undefined, key: string): number {
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return value
  throw imageInvalid(`A tar extended header has no sensible number in "${key}"`)
}

function readXattrs(pax: Map<string, string>): Map<string, string> {
  const found = [...pax].filter(([key]) => key.startsWith(XATTR))
  return found.length === 0 ? NONE : new Map(found.map(([key, value]) => [key.slice(XATTR.length), value]))
}

function untilNul(data: Buffer): string {
  const end = data.indexOf(0)
  return data.toString('latin1', 0, end < 0 ? data.length : end)
}
