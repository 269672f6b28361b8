import { imageInvalid } from '../image-invalid.ts'

/** A piece of a tar archive: bytes as they are, or the content of a file, which lies elsewhere. */
export type TarPiece = { kind: 'bytes'; bytes: Buffer } | { kind: 'file'; name: Buffer; size: number }

/**
 * What Docker's layer store keeps of a layer's tar archive beside its files, so that it can put the archive together again: a
 * line of JSON each piece (https://github.com/vbatts/tar-split, package `tar/storage`, `Entry`), here unpacked.
 *
 * @throws {StillroomError} IMAGE_INVALID when a line is something else
 */
export async function* tarPieces(lines: AsyncIterable<Uint8Array>): AsyncGenerator<TarPiece> {
  let rest = Buffer.alloc(0)
  for await (const bytes of lines) {
    const text = Buffer.concat([rest, bytes])
    let start = 0
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
      const piece = pieceOf(text.toString('utf8', start, end))
      if (piece) yield piece
      start = end + 1
    }
    rest = text.subarray(start)
    if (rest.length > LINE_LIMIT) throw unknown('it has a line without end')
  }
  if (rest.length > 0) throw unknown('it ends within a line')
}

/** A piece of bytes is what stands between two files: headers, with the names and attributes in them. */
const LINE_LIMIT = 64 * 1024 * 1024

/** Undefined of a file that has no content of its own: a directory, a link, an empty one. */
function pieceOf(line: string): TarPiece | undefined {
  const entry = parse(line)
  const { type, payload, name, name_raw: raw, size = 0 } = entry
  if (type === 2 && typeof payload === 'string')
    return { kind: 'bytes', bytes: Buffer.from(payload, 'base64') }
  const path = typeof raw === 'string' ? Buffer.from(raw, 'base64') : Buffer.from(String(name ?? ''))
  if (type !== 1 || path.length === 0 || !Number.isSafeInteger(size) || (size as number) < 0)
    throw unknown('it has an unknown kind of piece')
  return size === 0 ? undefined : { kind: 'file', name: path, size: size as number }
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {}
  throw unknown('it has a line that is not JSON')
}

const unknown = (reason: string) => imageInvalid(`The engine's record of a layer cannot be read: ${reason}`)
