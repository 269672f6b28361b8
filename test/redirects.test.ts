import { mkdir, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createGet } from '../src/net/http-get.ts'
import { GitStep } from '../src/recipe/schema.ts'
import { resolveGit } from '../src/resolve/git/resolve-git.ts'
import { Pip, WORK } from '../src/resolve/python/pip-program.ts'
import type { Sandbox } from '../src/resolve/sandbox.ts'
import { openStore } from '../src/store/store.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
import { admit, basicAuthorization, secretForms } from './world/login.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { startIndex } from './world/package-index.ts'
import { makeWheel } from './world/python-distributions.ts'

const LOGIN = { user: 'me', password: 'correct-horse-battery' }
const SECRETS = [...secretForms(LOGIN), 'custom-header-secret', 'cookie-secret']

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: redirects, since ${possible}`)

describe.skipIf(possible !== true)('of a git server that leads elsewhere', () => {
  /** What reached the server that is led to. */
  let seen: string[]
  let elsewhere: GitServer
  let commit: string

  beforeEach(async () => {
    seen = []
    elsewhere = await startGitServer({ onRequest: note })
    onTestFinished(() => elsewhere.close())
    commit = await elsewhere.commit('tool', { a: '1' })
  })

  const note = ({ url, headers }: IncomingMessage) => void seen.push(JSON.stringify({ url, headers }))

  /** A server that wants a login, and leads whoever has one to another. */
  async function leader(to: string, { tls = false, asks = true, path = '' } = {}) {
    const authority = tls ? await makeAuthority(await temporaryDirectory()) : undefined
    const server = await startLoopbackServer(
      (request, response) => {
        if (asks && !admit(request, response, LOGIN)) return
        response.writeHead(302, { location: `${to}${path || request.url}` }).end()
      },
      authority === undefined ? {} : { tls: await authority.issue(LOOPBACK_NAMES) },
    )
    onTestFinished(() => server.close())
    return { url: server.url, ca: authority?.ca }
  }

  async function commitOf(at: { url: string; ca: string | undefined }, more: Record<string, string> = {}) {
    const temporary = await temporaryDirectory()
    const store = await openStore(join(temporary, 'store'))
    const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', ...more }
    const step = GitStep.parse({ kind: 'git', url: `${at.url}/tool.git`, ref: 'main', to: '/opt/tool' })
    const { commit } = await resolveGit(step, {
      ...{ env, mirrors: {}, ca: at.ca, temporary, backoff: 1 },
      signal: new AbortController().signal,
      keep: (content, expected) => store.put(content, expected),
      fetchLarge: () => Promise.reject(new Error('nothing is large here')),
    })
    return commit
  }

  const config = (...entries: [string, string][]): Record<string, string> => ({
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  })
  const helper = `!f() { test "$1" = get && printf 'username=me\\npassword=correct-horse-battery\\n'; }; f`

  const LOGINS: [string, (url: string) => Record<string, string>][] = [
    ['a token', (url) => ({ STILLROOM_GIT_TOKENS: `${url}/=me:correct-horse-battery` })],
    ["the user's credential helper of that host", (url) => config([`credential.${url}.helper`, helper])],
    [
      'a header of authorization',
      (url) => config([`http.${url}/.extraHeader`, `Authorization: ${basicAuthorization(LOGIN)}`]),
    ],
    [
      'a header of authorization for all hosts',
      () => config(['http.extraHeader', `Authorization: ${basicAuthorization(LOGIN)}`]),
    ],
    [
      'custom headers',
      (url) =>
        config(
          [`http.${url}/.extraHeader`, `Authorization: ${basicAuthorization(LOGIN)}`],
          [`http.${url}/.extraHeader`, 'Private-Token: custom-header-secret'],
          [`http.${url}/.extraHeader`, 'Cookie: session=cookie-secret'],
        ),
    ],
    [
      'a token, where the user has git follow',
      (url) => ({
        ...config([`http.${url}/tool.git.followRedirects`, 'true'], [`http.${url}.followRedirects`, 'true']),
        STILLROOM_GIT_TOKENS: `${url}/=me:correct-horse-battery`,
      }),
    ],
    [
      'custom headers for all hosts',
      () =>
        config(
          ['http.extraHeader', `Authorization: ${basicAuthorization(LOGIN)}`],
          ['http.extraHeader', 'Private-Token: custom-header-secret'],
          ['http.extraHeader', 'Cookie: session=cookie-secret'],
        ),
    ],
  ]
  const unsecret = () => SECRETS.filter((secret) => seen.some((text) => text.includes(secret)))

  describe.each([
    ['another port', (url: string) => url, false],
    ['another host', (url: string) => url.replace('127.0.0.1', 'localhost'), false],
    ['a weaker scheme', (url: string) => url, true],
  ])('%s', (_, address, tls) => {
    test.each(tls ? LOGINS.slice(-2) : LOGINS)('gets nothing of %s', async (__, login) => {
      const at = await leader(address(elsewhere.url), { tls })
      expect(await commitOf(at, login(at.url))).toBe(commit)
      expect(seen.length).toBeGreaterThan(1)
      expect(unsecret()).toEqual([])
    })
  })

  test('a redirect on the same server keeps its login, and one elsewhere takes the login of that server', async () => {
    const own = await startGitServer({ login: LOGIN })
    onTestFinished(() => own.close())
    const id = await own.commit('tool', { a: '2' })
    const at = await leader(own.url, { asks: false })
    const tokens = `${own.url}/=me:correct-horse-battery`
    expect(await commitOf(at, { STILLROOM_GIT_TOKENS: tokens })).toBe(id)
    await expect(commitOf(at)).rejects.toMatchObject({ code: 'GIT_LOGIN_REFUSED' })
  })

  test('what leads round in a circle, or to no repository, is an error', async () => {
    const round = await leader('')
    const login = { STILLROOM_GIT_TOKENS: `${round.url}/=me:correct-horse-battery` }
    await expect(commitOf(round, login)).rejects.toMatchObject({ code: expect.stringMatching(/^GIT_/) })
    const page = await leader(elsewhere.url, { asks: false, path: '/login' })
    await expect(commitOf(page)).rejects.toMatchObject({ code: expect.stringMatching(/^GIT_/) })
  })
})

describe('what is fetched for apt and pip from a server that leads elsewhere', () => {
  test.each(['/debian/dists/bookworm/InRelease', '/simple/x/', '/files/x.whl'])(
    '%s comes without its login',
    async (path) => {
      const seen: string[] = []
      const elsewhere = await startLoopbackServer(({ url, headers }, response) => {
        seen.push(JSON.stringify({ url, headers }))
        response.end('here')
      })
      onTestFinished(() => elsewhere.close())
      const first = await startLoopbackServer((request, response) => {
        if (!admit(request, response, LOGIN)) return
        response.writeHead(302, { location: `${elsewhere.url}${request.url}` }).end()
      })
      onTestFinished(() => first.close())
      const url = first.url.replace('://', `://${LOGIN.user}:${LOGIN.password}@`)
      expect(
        Buffer.from(await createGet({ signal: new AbortController().signal })(`${url}${path}`)).toString(),
      ).toBe('here')
      expect(seen).toHaveLength(1)
      expect(SECRETS.filter((secret) => seen[0]?.includes(secret))).toEqual([])
    },
  )
})

describe.skipIf(possible !== true)('of a package index that leads elsewhere', () => {
  /** Runs programs of this machine, with the container's paths below a directory. */
  async function hostSandbox(): Promise<Sandbox> {
    const root = await temporaryDirectory()
    const own = (text: string) => text.replaceAll(WORK, `${root}${WORK}`)
    await mkdir(`${root}${WORK}`)
    return {
      write: async (files) => {
        for (const { path, content } of files) await writeFile(own(path), content)
      },
      run: async ([program = '', ...args], env = {}) => {
        const given = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, own(value)]))
        const options = {
          env: { PATH: process.env.PATH, ...given, HOME: root },
          extendEnv: false,
          reject: false,
        }
        const { exitCode = 1, stdout, stderr } = await execa(program, args.map(own), options)
        return { exitCode, stdout, stderr }
      },
      remove: async (path) => rm(own(path)),
      // biome-ignore lint/correctness/useYield: nothing is read
      read: async function* () {
        throw new Error('nothing is read')
      },
    }
  }

  test.each([
    ['its pages', /^\/simple/],
    ['its files', /^\/files/],
  ])('pip gets %s there without the login', async (_, led) => {
    const seen: string[] = []
    const index = await startIndex()
    index.add(makeWheel({ name: 'moved', version: '1.0' }))
    const pass = async (request: IncomingMessage, response: ServerResponse) => {
      const answer = await fetch(`${index.url}${request.url}`, { headers: { accept: 'text/html' } })
      const type = answer.headers.get('content-type') ?? 'text/plain'
      response.writeHead(answer.status, { 'content-type': type }).end(Buffer.from(await answer.arrayBuffer()))
    }
    const elsewhere = await startLoopbackServer((request, response) => {
      seen.push(JSON.stringify({ url: request.url, headers: request.headers }))
      pass(request, response).catch(() => response.destroy())
    })
    const first = await startLoopbackServer((request, response) => {
      if (!admit(request, response, LOGIN)) return
      if (led.test(request.url ?? ''))
        response.writeHead(302, { location: `${elsewhere.url}${request.url}` }).end()
      else pass(request, response).catch(() => response.destroy())
    })
    onTestFinished(
      async () => void (await Promise.all([index, elsewhere, first].map((each) => each.close()))),
    )
    const url = first.url.replace('://', `://${LOGIN.user}:${LOGIN.password}@`)
    const sandbox = await hostSandbox()
    const pip = await Pip.find({ sandbox, settings: { 'index-url': `${url}/simple` }, environment: {} })
    await pip.run(['download', '--no-deps', `--dest=${WORK}/files`, 'moved'], 'downloading moved')
    expect(seen.length).toBeGreaterThan(0)
    expect(SECRETS.filter((secret) => seen.some((text) => text.includes(secret)))).toEqual([])
  })
})
