import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { proxyFor, proxySettings } from './proxy-for.ts'

const H = 'http://h.example.org:1'
const S = 'http://s.example.org:2'

test.each<[string, Record<string, string>, string | undefined]>([
  ['http://a.example.org/', {}, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, HTTPS_PROXY: S }, H],
  ['https://a.example.org/', { HTTP_PROXY: H, HTTPS_PROXY: S }, S],
  ['https://a.example.org/', { HTTP_PROXY: H }, undefined],
  ['http://a.example.org/', { https_proxy: S }, S],
  ['http://a.example.org/', { http_proxy: H, HTTP_PROXY: S }, H],
  ['http://a.example.org/', { http_proxy: '', HTTP_PROXY: 'h.example.org:1' }, H],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: '*' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: 'b.example.org, A.example.org' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, no_proxy: '.example.org' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, no_proxy: 'example.org' }, undefined],
  ['http://aexample.org/', { HTTP_PROXY: H, no_proxy: 'example.org' }, H],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: 'a.example.org:80' }, undefined],
  ['http://a.example.org:8080/', { HTTP_PROXY: H, NO_PROXY: 'a.example.org:80' }, H],
  ['http://[::1]:8080/', { HTTP_PROXY: H, NO_PROXY: '[::1]' }, undefined],
])('proxyFor(%s) in %j is %j', (url, env, expected) => {
  expect(proxyFor(new URL(url), env)).toBe(expected)
})

const DIRECT: [url: string, noProxy: string, isDirect: boolean][] = [
  ['http://a.example.org/', '*', true],
  ['http://a.example.org/', 'x,*', false],
  ['http://a.example.org/', '*.example.org', false],
  ['http://a.example.org/', 'example.org', true],
  ['http://a.example.org/', '.example.org', true],
  ['http://a.example.org/', '.example.org.', true],
  ['http://a.example.org./', 'example.org', true],
  ['http://example.org/', '.example.org', true],
  ['http://badexample.org/', 'example.org', false],
  ['http://a.example.org/', 'A.EXAMPLE.ORG', true],
  ['http://a.example.org/', 'b.example.org  a.example.org', true],
  ['http://a.example.org/', ',,b.example.org,,a.example.org,', true],
  ['http://a.example.org/', 'org', true],
  ['http://a.example.org/', '', false],
  ['http://a.example.org/', '.', false],
  ['http://192.0.2.7/', '192.0.2.7', true],
  ['http://192.0.2.7/', '192.0.2.0/24', true],
  ['http://192.0.2.7/', '192.0.2.9/24', true],
  ['http://192.0.2.7/', '192.0.3.0/24', false],
  ['http://192.0.2.7/', '192.0.2.0/33', false],
  ['http://192.0.2.7/', '192.0.2.7/32', true],
  ['http://192.0.2.7/', '0.0.0.0/0', false],
  ['http://192.0.2.7/', '0.2.7', false],
  ['http://192.0.2.7/', '.7', false],
  ['http://192.0.2.7/', '2001:db8::/32', false],
  ['http://a.example.org/', '192.0.2.0/24', false],
  ['http://[2001:db8::7]/', '2001:db8::7', true],
  ['http://[2001:db8::7]/', '2001:db8:0::7', true],
  ['http://[2001:db8::7]/', '2001:db8::/32', true],
  ['http://[2001:db8::7]/', '2001:db9::/32', false],
  ['http://[2001:db8::7]/', '192.0.2.0/24', false],
]

test.each(DIRECT)('proxyFor(%s) goes past the proxy with NO_PROXY=%j: %s', (url, noProxy, isDirect) => {
  expect(proxyFor(new URL(url), { HTTP_PROXY: H, NO_PROXY: noProxy }) === undefined).toBe(isDirect)
})

test.each([
  ['http://192.0.2.7/', '192.0.2.7:80', true],
  ['http://192.0.2.7:8080/', '192.0.2.0/24:80', false],
  ['http://[2001:db8::7]/', '[2001:db8::7]', true],
  ['http://[2001:db8::7]:81/', '[2001:db8::7]:80', false],
])('proxyFor(%s) knows ports and brackets in NO_PROXY=%j, too: %s', (url, noProxy, isDirect) => {
  expect(proxyFor(new URL(url), { HTTP_PROXY: H, NO_PROXY: noProxy }) === undefined).toBe(isDirect)
})

test("proxyFor() takes curl's own decisions", async ({ skip }) => {
  const [, major = 0, minor = 0] = /^curl (\d+)\.(\d+)/.exec(await curl('--version')) ?? []
  if (Number(major) * 1000 + Number(minor) < 7086) return skip('needs curl 7.86 or newer')
  const [proxy, origin] = [await answering('proxied'), await answering('direct')]
  const settings = ['--silent', '--globoff', '--proxy', `http://${proxy}`, '--connect-to', `::${origin}`]
  // versions before 8 take IPv6 for a name
  const cases = DIRECT.filter(([url]) => !url.includes('['))
  const decisions: typeof DIRECT = []
  for (const [url, noProxy] of cases) {
    const said = await curl(...settings, '--noproxy', noProxy, url)
    decisions.push([url, noProxy, said === 'direct'])
  }
  expect(decisions).toEqual(cases)
})

/** What curl prints, whatever it thinks of it; nothing where there is none. */
async function curl(...args: string[]): Promise<string> {
  const { stdout } = await execa('curl', args, {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH },
  })
  return stdout ?? ''
}

/** A server that answers to everything, also to what a proxy is asked; gives its host. */
async function answering(text: string): Promise<string> {
  const server = createServer((_, response) => response.end(text))
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('proxySettings() names for a pip what is reached directly, and nothing that it would take for more', () => {
  const urls = [
    'https://index.example.org/simple',
    'https://badexample.com/',
    'http://192.0.2.7/',
    'file:///x',
  ]
  const env = { HTTPS_PROXY: S, HTTP_PROXY: H, NO_PROXY: 'example.com,.example.org,192.0.2.0/24' }
  const list = 'index.example.org,192.0.2.7,.example.org,192.0.2.0/24'
  expect(proxySettings(urls, env)).toEqual({ ...env, NO_PROXY: list, no_proxy: list })
  expect(proxySettings(urls, { NO_PROXY: 'a' })).toEqual({})
})
