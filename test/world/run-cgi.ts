import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface CgiProgram {
  command: [program: string, ...args: string[]]
  env: NodeJS.ProcessEnv
}

const HEAD_END = '\r\n\r\n'

/** Answers a request by a program that speaks CGI (RFC 3875). */
export function runCgi(
  request: IncomingMessage,
  response: ServerResponse,
  { command: [program, ...args], env }: CgiProgram,
) {
  const { pathname, search } = new URL(request.url ?? '/', 'http://cgi')
  const variables = {
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: request.headers['content-type'],
    CONTENT_LENGTH: request.headers['content-length'],
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
    GIT_PROTOCOL: request.headers['git-protocol']?.toString(),
    REMOTE_ADDR: '127.0.0.1',
  }
  const child = spawn(program, args, { env: { ...env, ...variables }, stdio: ['pipe', 'pipe', 'ignore'] })
  child.on('error', (error) => response.destroy(error))
  // a program that ends early does not read the rest
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)

  let head = Buffer.alloc(0)
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf(HEAD_END)
    if (end < 0) return
    child.stdout.off('data', onHead)
    const fields = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(/:\s*(.*)/s) as [string, string])
    const status = fields.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200'
    for (const [name, value] of fields) if (name.toLowerCase() !== 'status') response.setHeader(name, value)
    response.statusCode = Number.parseInt(status, 10)
    response.write(head.subarray(end + HEAD_END.length))
    child.stdout.pipe(response)
  }
  child.stdout.on('data', onHead)
  child.stdout.on('end', () => {
    if (!response.headersSent) response.writeHead(500).end()
  })
  response.on('close', () => child.kill())
}
