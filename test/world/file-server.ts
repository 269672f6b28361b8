import { createHash } from 'node:crypto'
import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'

/** Files to download. */
export interface FileServer {
  /** Without slash at the end. */
  url: string
  host: string
  /** Puts a file at a path such as `/data/mesh.xml`; another one there is replaced. */
  put(path: string, bytes: Uint8Array): void
  remove(path: string): void
  close(): Promise<void>
}

export async function startFileServer(options: ServerOptions = {}): Promise<FileServer> {
  const files = new Map<string, Uint8Array>()
  const server = await startLoopbackServer((request, response) => {
    const bytes = files.get(request.url ?? '')
    if (bytes === undefined)
      return void response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n')
    const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`
    const headers = { 'content-type': 'application/octet-stream', 'content-length': bytes.length, etag }
    response.writeHead(200, headers).end(bytes)
  }, options)
  return {
    url: server.url,
    host: server.host,
    put: (path, bytes) => void files.set(path, bytes),
    remove: (path) => void files.delete(path),
    close: server.close,
  }
}
