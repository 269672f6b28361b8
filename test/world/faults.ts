import type { IncomingMessage } from 'node:http'
import {
  type Behaviour,
  cutAfter,
  drip,
  file,
  resetAfter,
  stallAfter,
  status,
} from '../../src/store/testing/fault-server.ts'

/** What the server behind would have answered. */
export interface RealAnswer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
  /** Ends the client's connection with a reset (RST), also under TLS. */
  reset(): void
}

/** What is made of a server's answer. */
export type Fault = (real: RealAnswer) => Behaviour

/** No fault: the real answer, from its middle if that is asked for. */
export const sound: Fault = (real) => {
  if (real.status === 200) return shaped((bytes, tag) => file(bytes, tag))(real)
  return (_request, response) => void response.writeHead(real.status, headersOf(real)).end(real.body)
}

/** The whole length is announced; the connection closes after so many bytes. */
export const cutShort = (count: number): Fault => shaped((bytes, tag) => resetAfter(bytes, count, tag))

/** No length is announced; the body ends after so many bytes as if that were all. */
export const cutSilently = (count: number): Fault => shaped((bytes, tag) => cutAfter(bytes, count, tag))

/** The right length, one byte in the middle changed. */
export const wrongBytes: Fault = shaped((bytes, tag) => {
  const wrong = Buffer.from(bytes)
  const middle = wrong.length >> 1
  if (middle < wrong.length) wrong[middle] = (wrong[middle] ?? 0) ^ 0xff
  return file(wrong, tag)
})

/** Other bytes instead, whatever was asked for. */
export const otherBytes = (bytes: Uint8Array): Fault => shaped((_real, tag) => file(bytes, tag))

export const notFound: Fault = () => status(404, { 'content-type': 'text/plain' }, 'not found\n')
export const forbidden: Fault = () => status(403, { 'content-type': 'text/plain' }, 'forbidden\n')
/** 429 with Retry-After, in seconds. */
export const tooMany = (retryAfter: number): Fault => {
  return () => status(429, { 'retry-after': String(retryAfter) }, 'too many requests\n')
}
export const unavailable: Fault = () => status(503, { 'content-type': 'text/plain' }, 'unavailable\n')

/** The connection ends with a reset (RST) where an answer was due. */
export const reset: Fault = (real) => () => real.reset()

/** After so many bytes nothing more comes, and the connection stays. */
export const stall = (count: number): Fault => shaped((bytes, tag) => stallAfter(bytes, count, tag))

/** Not even a status comes, and the connection stays. */
export const silence: Fault = () => () => {}

/** The body comes in so many pieces, one a pause (milliseconds). */
export const slowDrip = (pieces: number, pause: number): Fault =>
  shaped((bytes) => drip(bytes, pieces, pause))

/** The real status and headers, with a body as `shape` has it. */
function shaped(shape: (bytes: Buffer, tag: { etag?: string }) => Behaviour): Fault {
  return (real) => (request, response) => {
    response.statusCode = real.status
    for (const [name, value] of Object.entries(headersOf(real))) response.setHeader(name, value)
    shape(real.body, real.headers.etag === undefined ? {} : { etag: real.headers.etag })(request, response)
  }
}

/** Those that say something of the connection or the length are the fault's to set. */
const OWN = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date', 'etag']

function headersOf(real: RealAnswer): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(real.headers).filter(
      (entry): entry is [string, string | string[]] => entry[1] !== undefined && !OWN.includes(entry[0]),
    ),
  )
}
