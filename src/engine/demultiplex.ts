/** A piece of what a process without a terminal wrote. */
export interface Piece {
  from: 'stdout' | 'stderr'
  bytes: Buffer
}

const HEADER = 8

/**
 * Takes apart the stream of an attached process (Docker Engine API, "Stream format"): frames of a byte for the
 * stream, three of zero, and the size of what follows as a big-endian 32-bit number. A frame's bytes are passed on as
 * they come, whole or not.
 */
export async function* demultiplex(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let header = Buffer.alloc(0)
  let left = 0
  for await (const chunk of stream) {
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        const missing = HEADER - header.length
        header = Buffer.concat([header, rest.subarray(0, missing)])
        rest = rest.subarray(missing)
        if (header.length < HEADER) break
        left = header.readUInt32BE(4)
      }
      const bytes = rest.subarray(0, left)
      rest = rest.subarray(bytes.length)
      left -= bytes.length
      if (bytes.length > 0) yield { from: header[0] === 2 ? 'stderr' : 'stdout', bytes }
      if (left === 0) header = Buffer.alloc(0)
    }
  }
}
