import { inflateSync, zstdDecompressSync } from 'node:zlib'
import { decompressSync } from '@napi-rs/lzma/xz'
import { StillroomError } from '../../error.ts'
import { imageInvalid } from '../image-invalid.ts'
import type { SquashfsCompression } from './superblock.ts'
import { xzSize } from './xz-size.ts'

/**
 * Unpacks one block.
 *
 * @param most bytes that it may unpack to
 * @throws {StillroomError} IMAGE_INVALID when it is damaged or would unpack to more
 */
export function unpackBlock(bytes: Buffer, compression: SquashfsCompression, most: number): Buffer {
  try {
    switch (compression) {
      case 'gzip':
        // zlib's own form, as the kernel takes it
        return inflateSync(bytes, { maxOutputLength: most })
      case 'zstd':
        return zstdDecompressSync(bytes, { maxOutputLength: most })
      case 'xz':
        if (xzSize(bytes) > most) throw new Error(`it unpacks to more than ${most} bytes`)
        return decompressSync(bytes)
    }
  } catch (cause) {
    if (cause instanceof StillroomError) throw cause
    throw imageInvalid(
      `A block of the squashfs can't be unpacked: ${cause instanceof Error ? cause.message : cause}`,
      cause,
    )
  }
}
