import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import { StillroomError } from '../../error.ts'
import { AR_HEADER, type ArMember, arMembers } from '../ar.ts'
import { compressionOf, decompress } from '../decompress.ts'

/**
 * The files of a .deb as a plain tar: the member `data.tar` of its ar archive, with or without a compression (deb(5)).
 *
 * @param name of the .deb, for errors
 * @throws {StillroomError} ARTIFACT_MISMATCH when the archive is no .deb or compressed in an unknown way
 */
export async function debDataTar(deb: Uint8Array, name: string): Promise<Buffer> {
  return uncompressed(findMember(asBuffer(deb), name, 'data'), name)
}

/**
 * What dpkg knows of a .deb as a plain tar: its `control`, `md5sums`, maintainer scripts.
 *
 * @throws {StillroomError} as {@link debDataTar}
 */
export async function debControlTar(deb: Uint8Array, name: string): Promise<Buffer> {
  return uncompressed(findMember(asBuffer(deb), name, 'control'), name)
}

/**
 * The same .deb with its files compressed otherwise: little, so that dpkg reads it far sooner than one of xz.
 *
 * @param format zstd is read by dpkg 1.21.18 and later
 * @throws {StillroomError} as {@link debDataTar}
 */
export async function repackDeb(deb: Uint8Array, name: string, format: 'gzip' | 'zstd'): Promise<Buffer> {
  const bytes = asBuffer(deb)
  const member = findMember(bytes, name, 'data')
  const content = await compressLittle(await uncompressed(member, name), format)
  const header = Buffer.from(bytes.subarray(member.offset, member.offset + AR_HEADER))
  header.write(`data.tar.${format === 'gzip' ? 'gz' : 'zst'}`.padEnd(16), 0, 'latin1')
  header.write(String(content.length).padEnd(10), 48, 'latin1')
  return Buffer.concat([
    bytes.subarray(0, member.offset),
    header,
    content,
    Buffer.from(content.length % 2 ? '\n' : ''),
  ])
}

/** Compresses so that it takes little time, and less to read again. */
export async function compressLittle(bytes: Uint8Array, format: 'gzip' | 'zstd'): Promise<Buffer> {
  return format === 'gzip' ? promisify(gzip)(bytes, { level: 1 }) : promisify(zstdCompress)(bytes)
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function findMember(deb: Buffer, name: string, kind: 'control' | 'data'): ArMember {
  try {
    for (const member of arMembers(deb)) if (member.name.startsWith(`${kind}.tar`)) return member
  } catch (error) {
    if (error instanceof SyntaxError) throw notADeb(name, error.message)
    throw error
  }
  throw notADeb(name, `it has no ${kind} member`)
}

async function uncompressed({ name: member, content }: ArMember, name: string): Promise<Buffer> {
  if (compressionOf(content) !== undefined) return decompress(content)
  if (/^\w+\.tar\/?$/.test(member)) return content
  throw notADeb(name, `its member ${member} is compressed in an unknown way, expected none, gzip, xz or zstd`)
}

function notADeb(name: string, reason: string): StillroomError {
  return new StillroomError('ARTIFACT_MISMATCH', `cannot unpack ${name}: ${reason}`)
}
