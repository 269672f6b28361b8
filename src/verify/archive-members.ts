import { arMembers } from '../formats/ar.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import { zipMembers } from '../formats/zip.ts'

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
 * The members of a tar, a zip, or an ar such as a .deb or a static library.
 *
 * @param limit bytes that a zip may unpack to
 * @returns undefined when it is none, damaged or larger: it is compared byte by byte then
 */
export async function archiveMembers(
  bytes: Buffer,
  limit: number,
): Promise<{ format: 'tar' | 'zip' | 'ar'; members: ArchiveMember[] } | undefined> {
  const members: ArchiveMember[] = []
  const format = formatOf(bytes)
  try {
    for await (const member of READERS[format](bytes, limit)) {
      if (members.length >= MEMBER_LIMIT) return undefined
      members.push(member)
    }
  } catch {
    return undefined
  }
  return { format, members }
}

/** What it may be: reading it shows whether it is. */
function formatOf(bytes: Buffer): 'tar' | 'zip' | 'ar' {
  if (bytes.toString('latin1', 257, 262) === 'ustar') return 'tar'
  if (bytes.toString('latin1', 0, 2) === 'PK') return 'zip'
  return 'ar'
}

const READERS = {
  async *tar(bytes: Buffer): AsyncGenerator<ArchiveMember> {
    for await (const { member, content } of tarMembers([bytes])) {
      const { name, mtime, mode, uid, gid, linkName } = member
      yield { name, mtime, mode, uid, gid, target: linkName, content: await collect(content) }
    }
  },
  async *zip(bytes: Buffer, limit: number): AsyncGenerator<ArchiveMember> {
    let left = limit
    for await (const { name, mtime, mode, size, content } of zipMembers(bytes)) {
      left -= size
      if (left < 0) throw new RangeError(`it unpacks to more than ${limit} bytes`)
      yield { name, mtime, mode, uid: 0, gid: 0, target: '', content: await collect(content()) }
    }
  },
  async *ar(bytes: Buffer): AsyncGenerator<ArchiveMember> {
    for (const member of arMembers(bytes)) yield { ...member, target: '' }
  },
}

async function collect(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const bytes of content) parts.push(bytes)
  return Buffer.concat(parts)
}
