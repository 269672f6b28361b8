import { crc32 } from 'node:zlib'
import type { ReadAt } from './read-at.ts'

/** Of a stream's header, and of its footer. */
const EDGE = 12
/** Blocks that are unpacked while an earlier one is used. */
const AHEAD = 1

/**
 * What an .xz file unpacks to, piece by piece. dpkg, which compresses with several threads, makes blocks that do not depend on
 * each other: they are unpacked two at a time, so that no more than a few are in memory. Any other file is unpacked at once.
 *
 * The format: https://tukaani.org/xz/xz-file-format.txt, 2 (stream) to 4 (index).
 *
 * @param size in bytes
 * @throws when it is damaged or cut short
 */
export async function* unxz(read: ReadAt, size: number): AsyncGenerator<Buffer> {
  const { decompress } = await import('@napi-rs/lzma/xz')
  const stream = await readIndex(read, size)
  if (stream === undefined || stream.blocks.length < 2) {
    yield await decompress(await read(0, size))
    return
  }
  const { header, blocks } = stream
  const unpacked: Promise<Buffer>[] = []
  const begin = async (block: Block) =>
    decompress(fileOf(header, block, await read(block.offset, padded(block.unpadded))))
  for (const block of blocks) {
    const begun = begin(block)
    // who asks for it meets the error
    begun.catch(() => {})
    unpacked.push(begun)
    if (unpacked.length > AHEAD) yield (await unpacked.shift()) as Buffer
  }
  for (const last of unpacked) yield await last
}

interface Block {
  offset: number
  /** Bytes without those that pad it to a multiple of four. */
  unpadded: number
  /** Bytes that it unpacks to. */
  size: number
}

/** The blocks of a file that is one stream, by its index; undefined when it is something else, or damaged. */
async function readIndex(
  read: ReadAt,
  size: number,
): Promise<{ header: Buffer; blocks: Block[] } | undefined> {
  if (size < 2 * EDGE || size % 4 !== 0) return undefined
  const header = await read(0, EDGE)
  const footer = await read(size - EDGE, EDGE)
  const length = (footer.readUInt32LE(4) + 1) * 4
  const start = size - EDGE - length
  const isFooter =
    footer.toString('latin1', 10) === 'YZ' &&
    footer.readUInt32LE(0) === crc32(footer.subarray(4, 10)) &&
    footer.subarray(8, 10).equals(header.subarray(6, 8))
  if (!isFooter || start < EDGE) return undefined
  const index = await read(start, length)
  if (index[0] !== 0 || index.readUInt32LE(length - 4) !== crc32(index.subarray(0, -4))) return undefined
  const numbers = readNumbers(index.subarray(1, -4))
  const count = numbers.next().value
  const blocks: Block[] = []
  let offset = EDGE
  while (blocks.length < (count ?? 0)) {
    const [unpadded, unpacked] = [numbers.next().value, numbers.next().value]
    if (unpadded === undefined || unpacked === undefined) return undefined
    blocks.push({ offset, unpadded, size: unpacked })
    offset += padded(unpadded)
  }
  // else there are several streams
  return offset === start ? { header, blocks } : undefined
}

const padded = (length: number) => Math.ceil(length / 4) * 4

/** Numbers of variable length (1.2), as many as there are. */
function* readNumbers(bytes: Buffer): Generator<number, undefined> {
  let [value, scale] = [0, 1]
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte >= 0x80) continue
    if (!Number.isSafeInteger(value)) return
    yield value
    value = 0
    scale = 1
  }
}

function numberBytes(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...numberBytes(Math.floor(value / 128))]
}

/** A file of one block. */
function fileOf(header: Buffer, { unpadded, size }: Block, block: Buffer): Buffer {
  const records = Buffer.from([0, 1, ...numberBytes(unpadded), ...numberBytes(size)])
  const index = Buffer.alloc(padded(records.length) + 4)
  records.copy(index)
  index.writeUInt32LE(crc32(index.subarray(0, -4)), index.length - 4)
  const footer = Buffer.alloc(EDGE)
  footer.writeUInt32LE(index.length / 4 - 1, 4)
  header.copy(footer, 8, 6, 8)
  footer.write('YZ', 10, 'latin1')
  footer.writeUInt32LE(crc32(footer.subarray(4, 10)), 0)
  return Buffer.concat([header, block, index, footer])
}
