import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A web proxy (RFC 9110, 9.3.6) that leads names of the world outside to servers of the loopback world. */
export interface ConnectProxy {
  url: string
  /** Each `HOST:PORT` that was asked for. */
  seen: string[]
  close(): Promise<void>
}

/**
 * @param routes `HOST:PORT` of a loopback server by the name that it stands in for
 * @param others whether other names are refused, or reached as they are
 */
export async function startConnectProxy(
  routes: Readonly<Record<string, string>>,
  others: 'refused' | 'reached' = 'refused',
): Promise<ConnectProxy> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((asked, response) => {
    if (others === 'refused') return void response.writeHead(403).end()
    const { method, headers, url = '' } = asked
    const onward = request(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    asked.pipe(onward.on('error', () => response.destroy()))
  })
  server.on('connect', ({ url: asked = '' }, client: Socket) => {
    seen.push(asked)
    const target = routes[asked.replace(/:\d+$/, '')] ?? (others === 'reached' ? asked : undefined)
    if (target === undefined) return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const [host = '', port] = target.split(':')
    const onward = connect(Number(port), host, () => client.write('HTTP/1.1 200 Connected\r\n\r\n'))
    for (const socket of [client, onward]) sockets.add(socket.on('error', () => {}))
    client.pipe(onward).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}
