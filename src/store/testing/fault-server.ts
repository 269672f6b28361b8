import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers one request. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void

export interface SeenRequest {
  path: string
  headers: IncomingMessage['headers']
}

/** A loopback HTTP server that misbehaves on demand. */
export interface FaultServer {
  /** Without slash at the end. */
  url: string
  seen: SeenRequest[]
  /** What a path answers: the first request the first behaviour, and so on; the last one stays. */
  on(path: string, ...behaviours: Behaviour[]): void
  /** Resolves when so many requests have arrived. */
  arrived(count: number): Promise<void>
  close(): Promise<void>
}

export async function startFaultServer(): Promise<FaultServer> {
  const routes = new Map<string, Behaviour[]>()
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    seen.push({ path, headers: request.headers })
    const left = routes.get(path) ?? [status(404)]
    const behaviour = left.length > 1 ? left.shift() : left[0]
    behaviour?.(request, response)
    server.emit('seen')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    on: (path, ...behaviours) => void routes.set(path, behaviours),
    arrived: async (count) => {
      while (seen.length < count) await once(server, 'seen')
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** A sound server of one file: ranges, ETag, If-Range. */
export function file(bytes: Uint8Array, { etag = '"1"' } = {}): Behaviour {
  return (request, response) => {
    const start = rangeStart(request, etag)
    if (start !== undefined && start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      return
    }
    const body = bytes.subarray(start ?? 0)
    response.setHeader('etag', etag).setHeader('content-length', body.length)
    if (start !== undefined) {
      response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
      response.statusCode = 206
    }
    response.end(body)
  }
}

/** As if there were no ranges. */
export function fileWithoutRanges(bytes: Uint8Array): Behaviour {
  return (_request, response) => void response.setHeader('content-length', bytes.length).end(bytes)
}

/** Sends so many bytes of a file, honouring a range, and then `ends`. */
function part(
  bytes: Uint8Array,
  count: number,
  etag: string,
  ends: (response: ServerResponse) => void,
): Behaviour {
  return (request, response) => {
    const start = rangeStart(request, etag) ?? 0
    response.setHeader('etag', etag).setHeader('content-length', bytes.length - start)
    if (start > 0) {
      response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
      response.statusCode = 206
    }
    response.write(bytes.subarray(start, start + count), () => ends(response))
  }
}

/** The connection breaks after so many bytes. */
export function resetAfter(bytes: Uint8Array, count: number, { etag = '"1"' } = {}): Behaviour {
  // Not at once: a reset would remove what the other side has not read.
  return part(bytes, count, etag, (response) => void setTimeout(() => response.destroy(), 20))
}

/** Nothing more comes after so many bytes, and the connection stays. */
export function stallAfter(bytes: Uint8Array, count: number, { etag = '"1"' } = {}): Behaviour {
  return part(bytes, count, etag, () => {})
}

/** The body ends as if complete after so many bytes, no length having been announced. */
export function cutAfter(bytes: Uint8Array, count: number, { etag = '"1"' } = {}): Behaviour {
  return (request, response) => {
    const start = rangeStart(request, etag) ?? 0
    if (start > 0) {
      response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
      response.statusCode = 206
    }
    response.setHeader('transfer-encoding', 'chunked')
    response.end(bytes.subarray(start, start + count))
  }
}

/** So many pieces, one a pause. */
export function drip(bytes: Uint8Array, pieces: number, pause: number): Behaviour {
  return (_request, response) => {
    response.setHeader('content-length', bytes.length)
    const length = Math.ceil(bytes.length / pieces)
    const send = (from: number) => {
      if (from >= bytes.length) return void response.end()
      response.write(bytes.subarray(from, from + length))
      setTimeout(() => send(from + length), pause)
    }
    send(0)
  }
}

export function status(code: number, headers: Record<string, string> = {}, body = ''): Behaviour {
  return (_request, response) => void response.writeHead(code, headers).end(body)
}

/** A body of any length and type, with status 200. */
export function body(text: string | Uint8Array, contentType: string): Behaviour {
  return (_request, response) => void response.writeHead(200, { 'content-type': contentType }).end(text)
}

function rangeStart(request: IncomingMessage, etag: string): number | undefined {
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const match = request.headers.range?.match(/^bytes=(\d+)-$/)
  return match ? Number(match[1]) : undefined
}
