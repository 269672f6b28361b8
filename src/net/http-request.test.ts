import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import {
  createServer as createPlainServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { httpRequest, type Reply, type RequestOptions, Unreachable } from './http-request.ts'

const options = { headers: {}, signal: new AbortController().signal, stall: 20_000 }
const statusOf = async ({ status }: Reply) => status

it("httpRequest() trusts a certificate of its own besides the machine's", async ({ skip }) => {
  const made = await selfSigned()
  if (made === undefined) return skip('needs openssl to make a certificate')
  const server = createServer(made, (_request, response) => response.end('x')).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const place = { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  await expect(httpRequest(place, options, statusOf)).rejects.toMatchObject({ permanent: true })
  expect(await httpRequest({ ...place, ca: made.cert }, options, statusOf)).toBe(200)
  expect(await httpRequest({ ...place, insecure: true }, options, statusOf)).toBe(200)
})

it('httpRequest() speaks http and https only, and prints no URL', async () => {
  for (const url of ['file:///etc/passwd', 'ftp://a.example.org/', 'nonsense', 'http://[secret']) {
    const error = await httpRequest({ url }, options, statusOf).catch((error) => error)
    expect(error).toMatchObject({ permanent: true })
    expect(error.message).not.toContain('secret')
  }
})

it('httpRequest() reads a file of this machine when the place is local', async () => {
  const path = join(await temporaryDirectory(), 'a.whl')
  await writeFile(path, 'x')
  const place = { url: pathToFileURL(path).href, local: true }
  expect(await httpRequest(place, options, statusOf)).toBe(200)
})

it('httpRequest() does not take time in which this process is busy for silence of the server', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads')
    const server = require('node:http').createServer((_, response) => response.end('x'))
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`
  const worker = new Worker(code, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  const [port] = await once(worker, 'message')
  const place = { url: `http://127.0.0.1:${port}/` }
  await httpRequest(place, options, statusOf)
  const asked = httpRequest(place, { ...options, stall: 1000 }, statusOf)
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200))
  expect(await asked).toBe(200)
})

/** Starts a server for one test; gives its port. */
async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const serve = async (listener: RequestListener) => `127.0.0.1:${await listen(createPlainServer(listener))}`

describe('httpRequest() follows redirects', () => {
  const login = { authorization: 'Basic dTpw', cookie: 'a=b', 'private-token': 's3cret', accept: 'x/y' }

  /** The request that arrives where a redirect leads, as text; undefined when none does. */
  async function arrives(
    to: (end: string, start: string) => string,
    request: Partial<RequestOptions> = {},
    status = 302,
  ) {
    let seen: string | undefined
    const record = ({ method, url, rawHeaders }: IncomingMessage) => {
      const lines = rawHeaders.flatMap((name, i) =>
        i % 2 ? [] : [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`],
      )
      seen = [`${method} ${url}`, ...lines].join('\n')
    }
    const end = await serve((request, response) => {
      record(request)
      response.end()
    })
    const start: string = await serve((request, response) => {
      if (request.url !== '/') {
        record(request)
        response.end()
      } else response.writeHead(status, { location: to(end, start) }).end()
    })
    const place = { url: `http://${start}/`, headers: login }
    await httpRequest(place, { ...options, ...request }, statusOf).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error
      seen = error.message
    })
    return seen
  }

  it('with all that it was given to the same origin, and with a login of the new address', async () => {
    const same = await arrives((_, start) => `http://${start}/end`)
    expect(same).toMatch(/^GET \/end\n/)
    for (const [name, value] of Object.entries(login)) expect(same).toContain(`${name}: ${value}`)
    const own = await arrives((end) => `http://x:y@${end}/end`)
    expect(own).toContain('authorization: Basic eDp5')
  })

  it.each([
    ['another port', (end: string) => `http://${end}/end`],
    ['another name', (end: string) => `http://${end.replace('127.0.0.1', 'localhost')}/end`],
  ])('without login, token, cookie and custom headers to %s', async (_, to) => {
    const found = await arrives(to, { headers: { range: 'bytes=1-' } })
    expect(found).toMatch(/^GET \/end\n/)
    expect(found).toContain('accept: x/y')
    expect(found).toContain('range: bytes=1-')
    for (const name of ['authorization', 'cookie', 'private-token']) expect(found).not.toContain(`${name}:`)
  })

  it('with the method and the body that the status wants (RFC 9110, 15.4), and no body elsewhere', async () => {
    const post = { method: 'POST' as const, body: new URLSearchParams({ refresh_token: 's3cret' }) }
    const here = (_: string, start: string) => `http://${start}/end`
    for (const status of [302, 303]) {
      const found = await arrives(here, post, status)
      expect(found).toMatch(/^GET /)
      expect(found).not.toContain('content-type:')
    }
    expect(await arrives(here, post, 307)).toMatch(
      /^POST [\s\S]*content-type: application\/x-www-form-urlencoded/,
    )
    for (const status of [307, 308])
      expect(await arrives((end) => `http://${end}/end`, post, status)).toMatch(
        /^the server redirects what was sent to it to 127/,
      )
  })

  it('without credentials when encryption begins or ends', async ({ skip }) => {
    const made = await selfSigned()
    if (made === undefined) return skip('needs openssl to make a certificate')
    let headers: IncomingHttpHeaders = {}
    const answer: RequestListener = (request, response) => {
      headers = request.headers
      response.end()
    }
    const ends = `http://${await serve(answer)}/`
    const begins = `https://127.0.0.1:${await listen(createServer(made, answer))}/`
    const redirect =
      (location: string): RequestListener =>
      (_, response) =>
        void response.writeHead(302, { location }).end()
    const from = [
      `https://u:p@127.0.0.1:${await listen(createServer(made, redirect(ends)))}/`,
      `http://u:p@${await serve(redirect(begins))}/`,
    ]
    for (const url of from) {
      const target = { url, ca: made.cert, headers: { cookie: 'a=b', 'private-token': 's3cret' } }
      expect(await httpRequest(target, options, statusOf)).toBe(200)
      expect(headers.host).toBeDefined()
      for (const name of ['authorization', 'cookie', 'private-token']) expect(headers[name]).toBeUndefined()
      headers = {}
    }
  })

  it('not for ever, not to a file, and not at all when none is wanted', async () => {
    let asked = 0
    const loop = await serve((_, response) => {
      asked += 1
      response.writeHead(301, { location: '/' }).end()
    })
    const to = (redirects?: number) =>
      httpRequest(
        { url: `http://${loop}/` },
        { ...options, ...(redirects === 0 ? { redirects } : {}) },
        statusOf,
      )
    await expect(to()).rejects.toEqual(new Unreachable('more than 20 redirects', true))
    expect(asked).toBe(21)
    await expect(to(0)).rejects.toEqual(new Unreachable('the server redirects', true))
    const file = await serve((_, response) =>
      response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    )
    await expect(httpRequest({ url: `http://${file}/` }, options, statusOf)).rejects.toMatchObject({
      permanent: true,
      message: 'expected an http or https address, got file:',
    })
  })
})

describe('httpRequest() asks through a proxy', () => {
  const secret = 'pr0xy-s3cret'
  beforeEach(() => {
    for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'proxy']) {
      vi.stubEnv(name, '')
      vi.stubEnv(name.toUpperCase(), '')
    }
  })
  afterEach(() => vi.unstubAllEnvs())

  it('that HTTP_PROXY names with a login, and past it to hosts of NO_PROXY', async () => {
    const seen: unknown[] = []
    const proxy = await serve(({ url, headers }, response) => {
      seen.push([url, headers['proxy-authorization'], headers.authorization])
      response.end('by proxy')
    })
    const origin = await serve((_, response) => response.writeHead(203).end())
    vi.stubEnv('HTTP_PROXY', `http://me:${secret}@${proxy}`)
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9')
    vi.stubEnv('NO_PROXY', 'intranet.example.org,127.0.0.1')
    const url = 'http://files.example.invalid/a?b'
    expect(await httpRequest({ url }, options, statusOf)).toBe(200)
    const authorization = `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`
    expect(seen).toEqual([[url, authorization, undefined]])
    expect(await httpRequest({ url: `http://${origin}/` }, options, statusOf)).toBe(203)
    expect(seen).toHaveLength(1)
  })

  it('that HTTPS_PROXY names, in a tunnel', async ({ skip }) => {
    const made = await selfSigned('DNS:files.example.invalid')
    if (made === undefined) return skip('needs openssl to make a certificate')
    const seen: unknown[] = []
    const paths: unknown[] = []
    const origin = await listen(
      createServer(made, ({ url }, response) => {
        paths.push(url)
        response.end('x')
      }),
    )
    const proxy = createPlainServer((_, response) => response.end('by proxy'))
    proxy.on('connect', ({ url, headers }, socket, first) => {
      seen.push([url, headers['proxy-authorization'] !== undefined])
      const onward = connect(origin, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        onward.write(first)
        socket.pipe(onward).pipe(socket)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    vi.stubEnv('https_proxy', `http://me:${secret}@127.0.0.1:${await listen(proxy)}`)
    const target = { url: 'https://files.example.invalid/a', ca: made.cert }
    // with http before it and between, as Debian's mirrors and package indexes have it
    for (const each of [
      { url: 'http://files.example.invalid/b' },
      target,
      { url: 'http://files.example.invalid/c' },
      target,
    ])
      expect(await httpRequest(each, options, statusOf)).toBe(200)
    expect(new Set(seen.map(String))).toEqual(new Set(['files.example.invalid:443,true']))
    expect(paths).toEqual(['/a', '/a'])
  })

  it("and shows none of the proxy's credentials when it fails", async () => {
    const refusing = await serve((_, response) => response.writeHead(407).end())
    const gone = createPlainServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    await new Promise((done) => gone.close(done))
    const failures = [
      `http://me:${secret}@127.0.0.1:${port}`,
      `nonsense://me:${secret}@h`,
      `http://me:${secret}@[h`,
    ]
    for (const proxy of failures) {
      vi.stubEnv('HTTP_PROXY', proxy)
      const error = await httpRequest({ url: 'http://files.example.invalid/' }, options, statusOf).catch(
        (error) => error,
      )
      expect(error).toBeInstanceOf(Unreachable)
      expect(String(error)).not.toContain(secret)
    }
    vi.stubEnv('HTTP_PROXY', `http://me:${secret}@${refusing}`)
    expect(await httpRequest({ url: 'http://files.example.invalid/' }, options, statusOf)).toBe(407)
  })
})

/** A certificate that nobody else trusts; undefined without openssl. */
async function selfSigned(name = 'IP:127.0.0.1'): Promise<{ key: string; cert: string } | undefined> {
  const directory = await temporaryDirectory()
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', `subjectAltName=${name}`]
  const make = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]
  try {
    execFileSync('openssl', make, { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
