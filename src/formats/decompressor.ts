import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib'

/** Node's own 16 KiB make it go from thread to thread too often. */
const CHUNK = 256 * 1024

export type Decompressor = Gunzip | ZstdDecompress

/** What unpacks a stream that begins with these bytes: gzip or zstd; nothing when they are neither. */
export function decompressorFor(head: Buffer): Decompressor | undefined {
  if (head.length < 4) return undefined
  const magic = head.readUInt32BE(0)
  if (magic >>> 16 === 0x1f8b) return createGunzip({ chunkSize: CHUNK })
  if (magic === 0x28b52ffd) return createZstdDecompress({ chunkSize: CHUNK })
  return undefined
}
