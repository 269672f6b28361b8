import { type TarHandler, type TarMember, TarReader } from './tar/tar-reader.ts'

/** One member of an archive, with what archivers note of it. */
export interface ArchiveMember {
  name: string
  mtime: number
  mode: number
  uid: number
  gid: number
  /** Of a link: where it leads. */
  target: string
  content: Buffer
}

/** More members than that are not compared. */
const MEMBER_LIMIT = 20_000

/**
 * The members of a tar archive; undefined when it is none.
 */
export function readTar(bytes: Buffer): ArchiveMember[] | undefined {
  const collector = new Collector()
  try {
    const reader = new TarReader(collector)
    reader.write(bytes)
    reader.close()
  } catch {
    // what is no sound tar is compared byte by byte
    return undefined
  }
  return collector.members
}

class Collector implements TarHandler {
  readonly members: ArchiveMember[] = []
  #parts: Buffer[] = []

  member({ name, mtime, mode, uid, gid, linkName }: TarMember): void {
    if (this.members.length >= MEMBER_LIMIT) throw new RangeError('too many members')
    this.members.push({ name, mtime, mode, uid, gid, target: linkName, content: Buffer.alloc(0) })
    this.#parts = []
  }

  data(bytes: Buffer): void {
    this.#parts.push(bytes)
  }

  end(): void {
    const last = this.members.at(-1)
    if (last !== undefined && this.#parts.length > 0) last.content = Buffer.concat(this.#parts)
  }
}

const AR_MAGIC = '!<arch>\n'
const AR_HEADER = 60

/** The members of an ar archive (ar(5)), such as a .deb or a static library; undefined when it is none. */
export function readAr(bytes: Buffer): ArchiveMember[] | undefined {
  if (bytes.toString('latin1', 0, AR_MAGIC.length) !== AR_MAGIC) return undefined
  const members: ArchiveMember[] = []
  let at = AR_MAGIC.length
  while (at + AR_HEADER <= bytes.length && members.length < MEMBER_LIMIT) {
    const field = (start: number, end: number) => bytes.toString('latin1', at + start, at + end).trim()
    const size = Number(field(48, 58))
    if (!Number.isInteger(size) || size < 0 || at + AR_HEADER + size > bytes.length) return undefined
    members.push({
      name: field(0, 16),
      mtime: Number(field(16, 28)),
      uid: Number(field(28, 34)),
      gid: Number(field(34, 40)),
      mode: Number.parseInt(field(40, 48), 8),
      target: '',
      content: bytes.subarray(at + AR_HEADER, at + AR_HEADER + size),
    })
    at += AR_HEADER + size + (size % 2)
  }
  return members
}

/** The members of a zip archive; undefined when it is none, or unpacks to more than `limit` bytes. */
export async function readZip(bytes: Buffer, limit: number): Promise<ArchiveMember[] | undefined> {
  const { fromBufferPromise } = await import('yauzl')
  const members: ArchiveMember[] = []
  let room = limit
  try {
    const zip = await fromBufferPromise(bytes)
    for await (const entry of zip.eachEntry()) {
      room -= entry.uncompressedSize
      if (room < 0 || members.length >= MEMBER_LIMIT) return undefined
      const parts: Buffer[] = []
      if (entry.uncompressedSize > 0)
        for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer)
      members.push({
        name: entry.fileName,
        // local time of an unknown zone: good for comparing
        mtime: entry.lastModFileDate * 65_536 + entry.lastModFileTime,
        mode: entry.externalFileAttributes >>> 16,
        uid: 0,
        gid: 0,
        target: '',
        content: Buffer.concat(parts),
      })
    }
  } catch {
    // what is no sound zip is compared byte by byte
    return undefined
  }
  return members
}
