import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { httpRequest, type Reply } from './http-request.ts'

const options = { headers: {}, signal: new AbortController().signal, stall: 5000 }
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

async function selfSigned(): Promise<{ key: string; cert: string } | undefined> {
  const directory = await temporaryDirectory()
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
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
