import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Certificate } from './certificates.ts'

/** A server on 127.0.0.1, at a port that was free. */
export interface LoopbackServer {
  /** Without slash at the end. */
  url: string
  /** `127.0.0.1:PORT` */
  host: string
  server: Server | TlsServer
  /** Ends every connection, idle or not. */
  close(): Promise<void>
}

export interface ServerOptions {
  /** Without it, plain HTTP. */
  tls?: Certificate | undefined
}

export async function startLoopbackServer(
  listener: RequestListener,
  { tls }: ServerOptions = {},
): Promise<LoopbackServer> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    server,
    close: async () => {
      const closed = new Promise((done) => server.close(done))
      server.closeAllConnections()
      await closed
    },
  }
}
