import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createGet } from './http-get.ts'

const open: (() => void)[] = []
const get = createGet({ signal: new AbortController().signal, timing: { backoff: 1 } })

afterEach(() => {
  for (const close of open.splice(0)) close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('createGet() gives the bytes as sent, with the credentials of the URL', async () => {
  const url = await serve((request, response) => {
    response.setHeader('content-type', 'application/x-xz')
    response.end(Buffer.from([0, 255, Number(request.headers.authorization === 'Basic dTpw')]))
  })
  expect([...(await get(url.replace('//', '//u:p@')))]).toEqual([0, 255, 1])
})

test('createGet() rejects another status, with it and without credentials', async () => {
  const url = await serve((_, response) => response.writeHead(404).end('no'))
  await expect(get(`${url.replace('//', '//u:secret@')}/x`)).rejects.toMatchObject({
    code: 'FETCH_FAILED',
    message: `cannot fetch ${url.replace('//', '//***@')}/x: HTTP status 404`,
    details: { status: 404 },
  })
})

test('createGet() rejects more bytes than the limit, announced or not', async () => {
  const announced = await serve((_, response) => response.end('x'.repeat(11)))
  const endless = await serve((_, response) => {
    const timer = setInterval(() => response.write('x'.repeat(6)), 5)
    response.on('close', () => clearInterval(timer))
  })
  for (const url of [announced, endless]) {
    await expect(get(url, { limit: 10 })).rejects.toThrow('more than 10 bytes')
  }
  expect((await get(announced, { limit: 11 })).length).toBe(11)
})

test('createGet() asks again after an answer that broke off and after a server error', async () => {
  let asked = 0
  const url = await serve((_, response) => {
    asked++
    if (asked === 1) response.writeHead(503).end()
    else if (asked === 2) {
      response.writeHead(200, { 'content-length': '5' })
      response.write('ab', () => response.destroy())
    } else response.end('whole')
  })
  expect(Buffer.from(await get(url)).toString()).toBe('whole')
  expect(asked).toBe(3)
})

test('createGet() rejects when nobody listens', async () => {
  const url = await serve(() => undefined)
  for (const close of open.splice(0)) close()
  await expect(get(url)).rejects.toMatchObject({ code: 'FETCH_FAILED' })
})
