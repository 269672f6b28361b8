import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http'
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
  const login = { authorization: 'Basic dTpw', cookie: 'a=b', 'x-kept': '1' }

  /** What arrives where a redirect leads. */
  async function arrives(from: (to: string) => string, request: Partial<RequestOptions> = {}, status = 302) {
    const seen: unknown[] = []
    const target = await serve(({ method, headers }, response) => {
      const { authorization, cookie, 'x-kept': kept, 'content-type': type } = headers
      seen.push({ method, authorization, cookie, kept, type })
      response.end()
    })
    const start = await serve((_, response) => response.writeHead(status, { location: from(target) }).end())
    const reply = await httpRequest(
      { url: `http://${start}/`, headers: login },
      { ...options, ...request },
      async ({ status, url }) => ({ status, url }),
    )
    expect(reply).toMatchObject({ status: 200, url: expect.stringMatching(/\/end$/) })
    expect(seen).toHaveLength(1)
    return seen[0]
  }
  const elsewhere = (host: string) => host.replace('127.0.0.1', 'localhost')

  it('with credentials to the same host, without them to another', async () => {
    expect(await arrives((host) => `http://${host}/end`)).toEqual({
      method: 'GET',
      authorization: login.authorization,
      cookie: 'a=b',
      kept: '1',
      type: undefined,
    })
    const other = await arrives((host) => `http://${elsewhere(host)}/end`)
    expect(other).toMatchObject({ authorization: undefined, cookie: undefined, kept: '1' })
    // those of the new address are for it
    const own = await arrives((host) => `http://x:y@${elsewhere(host)}/end`)
    expect(own).toMatchObject({ authorization: 'Basic eDp5', cookie: undefined })
  })

  it('with the method and the body that the status wants (RFC 9110, 15.4)', async () => {
    const post = { method: 'POST' as const, body: new URLSearchParams({ a: 'b' }) }
    const to = (host: string) => `http://${host}/end`
    expect(await arrives(to, post, 303)).toMatchObject({ method: 'GET', type: undefined })
    expect(await arrives(to, post, 302)).toMatchObject({ method: 'GET', type: undefined })
    expect(await arrives(to, post, 307)).toMatchObject({
      method: 'POST',
      type: expect.stringMatching(/^application\/x-www-form-urlencoded/),
    })
  })

  it('without credentials when encryption ends', async ({ skip }) => {
    const made = await selfSigned()
    if (made === undefined) return skip('needs openssl to make a certificate')
    let authorization: string | undefined = 'none asked'
    const plain = await serve((request, response) => {
      authorization = request.headers.authorization
      response.end()
    })
    const port = await listen(
      createServer(made, (_, response) => response.writeHead(302, { location: `http://${plain}/` }).end()),
    )
    const target = { url: `https://u:p@127.0.0.1:${port}/`, ca: made.cert }
    expect(await httpRequest(target, options, statusOf)).toBe(200)
    expect(authorization).toBeUndefined()
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
    const origin = await listen(createServer(made, (_request, response) => response.end('x')))
    const seen: unknown[] = []
    const proxy = createPlainServer()
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
    expect(await httpRequest(target, options, statusOf)).toBe(200)
    expect(seen).toEqual([['files.example.invalid:443', true]])
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
