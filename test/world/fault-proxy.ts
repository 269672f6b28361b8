import {
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
  type ServerResponse,
} from 'node:http'
import { Agent as TlsAgent, type Server as TlsServer, request as tlsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import type { Certificate } from './certificates.ts'
import type { Fault, RealAnswer } from './faults.ts'
import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'

export interface SeenRequest {
  method: string
  path: string
  headers: IncomingMessage['headers']
}

/** A server that stands before another and passes everything on, but for the faults it is told to make. */
export interface FaultProxy {
  /** Without slash at the end. */
  url: string
  /** `127.0.0.1:PORT` */
  host: string
  /** Every request, in the order of arrival. */
  seen: SeenRequest[]
  /**
   * What happens to requests of a path: the first meets the first fault, and so on; the last one stays. A text is
   * compared with the path without its query, an expression with the whole. The rule told last counts. A 401 of the
   * server passes and uses up nothing: else a login would decide which request meets the fault.
   */
  on(path: string | RegExp, ...faults: Fault[]): void
  /** Forgets all rules, and what was seen. */
  clear(): void
  /** The certificate that new connections get; the present connections end. */
  showCertificate(certificate: Certificate): void
  close(): Promise<void>
}

interface Rule {
  path: string | RegExp
  faults: Fault[]
}

/**
 * @param target the server behind, without slash at the end
 * @param options `tls` is what this one shows; `ca` what the server behind is trusted by
 */
export async function startFaults(
  target: string,
  { tls, ca }: ServerOptions & { ca?: string | undefined } = {},
): Promise<FaultProxy> {
  const secure = target.startsWith('https:')
  const agent = secure
    ? new TlsAgent({ keepAlive: true, ...(ca ? { ca } : {}) })
    : new PlainAgent({ keepAlive: true })
  const rules: Rule[] = []
  const seen: SeenRequest[] = []
  const sockets = new Map<number | undefined, Socket>()

  /** The real answer of the server behind, which is told what the client calls it. */
  const pass = (request: IncomingMessage, method: string | undefined, headers: IncomingMessage['headers']) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const send = secure ? tlsRequest : plainRequest
      const forwarded = { ...headers, 'x-forwarded-proto': tls ? 'https' : 'http' }
      const onward = send(`${target}${request.url}`, { agent, method, headers: forwarded }, resolve)
      onward.on('error', reject)
      pipeline(request, onward, () => {})
    })

  const behind = async (request: IncomingMessage): Promise<RealAnswer> => {
    // the whole of it: the fault cuts ranges itself
    const { range: _range, 'if-range': _condition, ...headers } = request.headers
    const answer = await pass(request, request.method === 'HEAD' ? 'GET' : request.method, headers)
    const body: Buffer[] = []
    for await (const chunk of answer) body.push(chunk)
    return {
      status: answer.statusCode ?? 502,
      headers: answer.headers,
      body: Buffer.concat(body),
      reset: () => sockets.get(request.socket.remotePort)?.resetAndDestroy(),
    }
  }

  const relay = async (request: IncomingMessage, response: ServerResponse) => {
    const answer = await pass(request, request.method, request.headers)
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    pipeline(answer, response, () => {})
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '/'
    seen.push({ method: request.method ?? '', path, headers: request.headers })
    const rule = rules.findLast(({ path: wanted }) =>
      typeof wanted === 'string' ? wanted === path.split('?')[0] : wanted.test(path),
    )
    if (rule === undefined) return relay(request, response)
    const real = await behind(request)
    if (real.status === 401) {
      response.writeHead(401, { ...real.headers, 'content-length': real.body.length }).end(real.body)
      return
    }
    const fault = rule.faults.length > 1 ? rule.faults.shift() : rule.faults[0]
    fault?.(real)(request, response)
  }

  const proxy = await startLoopbackServer(
    (request, response) => {
      answer(request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy()
        else response.writeHead(502).end(`the server behind: ${error.message}\n`)
      })
    },
    { tls },
  )
  // A TLS socket cannot be reset; the one that carries it can.
  proxy.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort
    sockets.set(port, socket)
    socket.on('close', () => sockets.delete(port))
  })
  return {
    url: proxy.url,
    host: proxy.host,
    seen,
    on: (path, ...faults) => void rules.push({ path, faults }),
    clear: () => {
      rules.length = 0
      seen.length = 0
    },
    showCertificate: (certificate) => {
      const server = proxy.server as TlsServer
      server.setSecureContext(certificate)
      server.closeAllConnections()
    },
    close: async () => {
      await proxy.close()
      agent.destroy()
    },
  }
}
