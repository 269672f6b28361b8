import { StillroomError } from '../error.ts'

const MAGIC = '!<arch>\n'
const HEADER = 60

/**
 * The files of a .deb as a plain tar: the member `data.tar`, `data.tar.xz` or `data.tar.gz` of its ar archive
 * (deb(5); ar headers are 60 bytes with the size in decimal at 48, contents padded to an even length).
 *
 * @throws {StillroomError} ARTIFACT_MISMATCH when the archive is no .deb or compressed in another way
 */
export async function debDataTar(deb: Uint8Array, name: string): Promise<Uint8Array> {
  const { member, content } = findMember(deb, name, 'data')
  return decompress(content, member, name)
}

/**
 * What dpkg knows of a .deb as a plain tar: its `control`, `md5sums`, maintainer scripts.
 *
 * @throws {StillroomError} as {@link debDataTar}
 */
export async function debControlTar(deb: Uint8Array, name: string): Promise<Uint8Array> {
  const { member, content } = findMember(deb, name, 'control')
  return decompress(content, member, name)
}

/**
 * The same .deb with its files uncompressed, which dpkg reads as well and far sooner.
 *
 * @throws {StillroomError} as {@link debDataTar}
 */
export async function uncompressDeb(deb: Uint8Array, name: string): Promise<Uint8Array> {
  const { member, content, header, offset } = findMember(deb, name, 'data')
  const tar = await decompress(content, member, name)
  const fresh = Buffer.from(header)
  fresh.write('data.tar'.padEnd(16), 0, 'latin1')
  fresh.write(String(tar.length).padEnd(10), 48, 'latin1')
  return Buffer.concat([deb.subarray(0, offset), fresh, tar, Buffer.from(tar.length % 2 ? '\n' : '')])
}

interface TarMember {
  member: string
  content: Buffer
  /** The 60 bytes before the content, which begin at `offset`. */
  header: Buffer
  offset: number
}

function findMember(deb: Uint8Array, name: string, kind: 'control' | 'data'): TarMember {
  const bytes = Buffer.from(deb.buffer, deb.byteOffset, deb.byteLength)
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw notADeb(name, 'it is no ar archive')
  let offset = MAGIC.length
  while (offset + HEADER <= bytes.length) {
    const header = bytes.subarray(offset, offset + HEADER)
    const member = header.toString('latin1', 0, 16).trim().replace(/\/$/, '')
    const size = Number(header.toString('latin1', 48, 58).trim())
    if (!Number.isInteger(size) || size < 0 || offset + HEADER + size > bytes.length)
      throw notADeb(name, 'it is cut short')
    const content = bytes.subarray(offset + HEADER, offset + HEADER + size)
    if (member.startsWith(`${kind}.tar`)) return { member, content, header, offset }
    offset += HEADER + size + (size % 2)
  }
  throw notADeb(name, `it has no ${kind} member`)
}

async function decompress(content: Buffer, member: string, name: string): Promise<Uint8Array> {
  switch (member.slice(member.indexOf('.'))) {
    case '.tar':
      return content
    case '.tar.gz': {
      const { gunzipSync } = await import('node:zlib')
      return gunzipSync(content)
    }
    case '.tar.xz': {
      const { decompress: unxz } = await import('@napi-rs/lzma/xz')
      return unxz(content)
    }
    default:
      throw notADeb(
        name,
        `its member ${member} is compressed in an unknown way, expected .tar, .tar.gz or .tar.xz`,
      )
  }
}

function notADeb(name: string, reason: string): StillroomError {
  return new StillroomError('ARTIFACT_MISMATCH', `cannot unpack ${name}: ${reason}`)
}
