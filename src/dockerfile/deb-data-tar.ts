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
  const bytes = Buffer.from(deb.buffer, deb.byteOffset, deb.byteLength)
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw notADeb(name, 'it is no ar archive')
  let offset = MAGIC.length
  while (offset + HEADER <= bytes.length) {
    const member = bytes
      .toString('latin1', offset, offset + 16)
      .trim()
      .replace(/\/$/, '')
    const size = Number(bytes.toString('latin1', offset + 48, offset + 58).trim())
    if (!Number.isInteger(size) || size < 0 || offset + HEADER + size > bytes.length)
      throw notADeb(name, 'it is cut short')
    const content = bytes.subarray(offset + HEADER, offset + HEADER + size)
    if (member.startsWith('data.tar')) return decompress(content, member, name)
    offset += HEADER + size + (size % 2)
  }
  throw notADeb(name, 'it has no data member')
}

async function decompress(content: Buffer, member: string, name: string): Promise<Uint8Array> {
  switch (member) {
    case 'data.tar':
      return content
    case 'data.tar.gz': {
      const { gunzipSync } = await import('node:zlib')
      return gunzipSync(content)
    }
    case 'data.tar.xz': {
      const { decompress: unxz } = await import('@napi-rs/lzma/xz')
      return unxz(content)
    }
    default:
      throw notADeb(name, `its data member is ${member}, expected data.tar, .gz or .xz`)
  }
}

function notADeb(name: string, reason: string): StillroomError {
  return new StillroomError('ARTIFACT_MISMATCH', `cannot unpack ${name}: ${reason}`)
}
