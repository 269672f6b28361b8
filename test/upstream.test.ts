import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LockedGit, LockedStep } from '../src/lock/schema.ts'
import { GitStep } from '../src/recipe/schema.ts'
import { resolveGit } from '../src/resolve/git/resolve-git.ts'
import { openStore } from '../src/store/store.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import type { SourcesReport } from '../src/verify/forecast.ts'
import { debianPackage, lockedProject } from './support/locked-project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { startCommitArchive } from './world/commit-archive.ts'
import { startConnectProxy } from './world/connect-proxy.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { startIndex } from './world/package-index.ts'
import { type DistributionOptions, makeWheel } from './world/python-distributions.ts'

const ENV = {
  ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  ...{ STILLROOM_SNAPSHOT: 'none', STILLROOM_OLD_RELEASES: 'none' },
}

/** Answers each path as told; of Debian's archive it has nothing. */
async function webServer(answers: Record<string, (response: ServerResponse) => void>) {
  const seen: string[] = []
  const server = await startLoopbackServer((request, response) => {
    seen.push(`${request.headers.range ?? 'all'} ${request.url}`)
    const answer = answers[request.url ?? '']
    if (answer === undefined) response.writeHead(404).end()
    else answer(response)
  })
  onTestFinished(() => server.close())
  return { url: server.url, seen }
}

/** What `verify sources` says of a project, but for the one package of its base, and how it ends. */
async function look(directory: string, more: Record<string, string> = {}) {
  const debian = await webServer({})
  const env = { ...ENV, STILLROOM_DEBIAN: debian.url, STILLROOM_DEBIAN_SECURITY: debian.url, ...more }
  const all = { STILLROOM_CACHE: await temporaryDirectory(), ...env }
  const printed = await stillroomJson<{ reports: [SourcesReport] }>(directory, ['verify', 'sources', 'x'], {
    env: all,
  })
  expect(printed).toMatchObject({ reports: [{ recipe: 'x' }] })
  const [report] = printed.reports
  return { report, risks: report.risks.filter(({ subject }) => !/^(deb\/|newer|debian )/.test(subject)) }
}

const step = (url: string, more: object = {}) => ({ kind: 'git', url, ref: 'main', to: '/opt/tool', ...more })

async function lockGit(wanted: object): Promise<LockedGit> {
  const temporary = await temporaryDirectory()
  const store = await openStore(join(temporary, 'store'))
  return resolveGit(GitStep.parse(wanted), {
    ...{ env: { PATH: process.env.PATH, ...ENV }, mirrors: {}, ca: undefined, temporary, backoff: 1 },
    signal: new AbortController().signal,
    keep: (content, expected) => store.put(content, expected),
    fetchLarge: () => Promise.reject(new Error('nothing is large here')),
  })
}

async function gitServer(): Promise<GitServer> {
  const server = await startGitServer()
  onTestFinished(() => server.close())
  return server
}

test('a branch that went on is reported with its commit, a moved tag as suspicious, a ref that is gone', async () => {
  const git = await gitServer()
  const first = await git.commit('tool', { a: '1' })
  await git.tag('tool', 'v1', first)
  await git.tag('tool', 'stays', first)
  const url = `${git.url}/tool.git`
  const steps = ['main', 'v1', 'stays', 'refs/heads/main', 'refs/tags/v1', first, 'topic'].map((ref, i) =>
    step(url, { ref, to: `/opt/${i}` }),
  )
  const locked = await lockGit(step(url))
  const directory = await lockedProject({ steps, locked: steps.map(() => locked) })
  const second = await git.commit('tool', { a: '2' })
  await git.tag('tool', 'v1', second)
  const { report, risks } = await look(directory)
  const still = `locked is ${first}, which its repository still gives`
  expect(risks.map(({ kind, subject, message }) => [kind, subject, message])).toEqual([
    ['tag-moved', `git/${url} refs/tags/v1`, `refs/tags/v1 names ${second} now; ${still}`],
    ['tag-moved', `git/${url} v1`, `refs/tags/v1 names ${second} now; ${still}`],
    ['ref-gone', `git/${url} topic`, `its repository has no branch or tag "topic" any more; ${still}`],
    ['branch-moved', `git/${url} main`, `refs/heads/main names ${second} now; ${still}`],
    ['branch-moved', `git/${url} refs/heads/main`, `refs/heads/main names ${second} now; ${still}`],
  ])
  expect(report.live).toBe(7)
})

test.each([
  ['a branch that moved', 'main', 0],
  ['a tag that moved', 'v1', 1],
])('of %s the exit code says whether it matters', async (_, ref, exitCode) => {
  const git = await gitServer()
  const web = await webServer({ '/pool/dpkg_1.21.22_amd64.deb': (response) => response.end('x') })
  await git.tag('tool', 'v1', await git.commit('tool', { a: '1' }))
  const wanted = step(`${git.url}/tool.git`, { ref })
  const directory = await lockedProject({ steps: [wanted], locked: [await lockGit(wanted)] })
  await git.tag('tool', 'v1', await git.commit('tool', { a: '2' }))
  const env = { ...ENV, STILLROOM_DEBIAN: web.url, STILLROOM_DEBIAN_SECURITY: web.url }
  const cache = { STILLROOM_CACHE: await temporaryDirectory() }
  const ended = await stillroom(directory, ['verify', 'sources', 'x'], { env: { ...env, ...cache } })
  expect(ended.stdout).toContain(ref === 'v1' ? 'tag-moved' : 'branch-moved')
  expect(ended.exitCode).toBe(exitCode)
})

test('after a force-push and a clean-up, the commit is gone as well; an archive of commits may have it', async () => {
  const git = await gitServer()
  const commits = await startCommitArchive()
  onTestFinished(() => commits.close())
  const first = await git.commit('tool', { a: '1' })
  const url = `${git.url}/tool.git`
  const directory = await lockedProject({ steps: [step(url)], locked: [await lockGit(step(url))] })
  const bundle = await git.bundle('tool')
  const second = await git.commit('tool', { b: '2' }, { again: true })
  await git.prune('tool')
  const told = async (more = {}) =>
    (await look(directory, more)).risks.map(({ kind, message }) => `${kind}: ${message}`)
  expect(await told()).toEqual([
    'gone: no source has it any more, nor does this store',
    `branch-moved: refs/heads/main names ${second} now; locked is ${first}, which nobody gives any more`,
  ])
  commits.keep(first, bundle)
  expect(await told({ STILLROOM_SOFTWARE_HERITAGE: commits.url })).toEqual([
    'moved: only the archive of commits has it: its repository gives it no more',
    `branch-moved: refs/heads/main names ${second} now; locked is ${first}, which only the archive of commits has`,
  ])
})

test('without a setting, Software Heritage is asked for a commit that is gone', async () => {
  const git = await gitServer()
  const outside = await startConnectProxy({})
  onTestFinished(() => outside.close())
  await git.commit('tool', { a: '1' })
  const wanted = step(`${git.url}/tool.git`)
  const directory = await lockedProject({ steps: [wanted], locked: [await lockGit(wanted)] })
  const proxied = { HTTPS_PROXY: outside.url, https_proxy: outside.url }
  const ask = async (named: string) => {
    await look(directory, { ...proxied, STILLROOM_SOFTWARE_HERITAGE: named })
    return outside.seen
  }
  expect(await ask('')).toEqual([])
  await git.remove('tool')
  expect(await ask('none')).toEqual([])
  expect(new Set(await ask(''))).toEqual(new Set(['archive.softwareheritage.org:443']))
})

test('of submodules, each one that is gone or kept elsewhere is named', async () => {
  const git = await gitServer()
  const commits = await startCommitArchive()
  onTestFinished(() => commits.close())
  const parts = { p: await git.commit('p', { p: 'p' }), q: await git.commit('q', { q: 'q' }) }
  const module = (name: string) => `[submodule "${name}"]\n\tpath = ${name}\n\turl = ../${name}.git\n`
  await git.commit('tool', {
    '.gitmodules': `${module('p')}${module('q')}`,
    p: { commit: parts.p },
    q: { commit: parts.q },
  })
  const wanted = step(`${git.url}/tool.git`, { submodules: true })
  const directory = await lockedProject({ steps: [wanted], locked: [await lockGit(wanted)] })
  expect((await look(directory)).risks).toEqual([])
  for (const name of ['p', 'q'] as const) commits.keep(parts[name], await git.bundle(name))
  await git.remove('p')
  await git.remove('q')
  const named = (['p', 'q'] as const).map(
    (name) => `its submodule "${name}" (${git.url}/${name}.git ${parts[name]})`,
  )
  const { report, risks } = await look(directory)
  expect(risks).toMatchObject([
    { kind: 'gone', message: `no source has ${named.join(' and ')} any more, nor does this store` },
  ])
  expect(report).toMatchObject({ artifacts: 2, live: 0 })
  expect((await look(directory, { STILLROOM_SOFTWARE_HERITAGE: commits.url })).risks).toMatchObject([
    { kind: 'moved', message: expect.stringContaining(`has ${named.join(' and ')}: its repository`) },
  ])
})

const sha256 = (text: string, encoding: 'hex' | 'base64' = 'hex') =>
  createHash('sha256').update(text).digest(encoding)

/** File steps that were locked to one content, and what is said of each, by the name of its file. */
async function lookAtFiles(url: string, names: string[]): Promise<Record<string, string[]>> {
  const steps = names.map((name, i) => ({ kind: 'file', url: `${url}/${name}`, to: `/opt/${i}` }))
  const locked = steps.map((each): LockedStep => {
    return { kind: 'file', url: each.url, size: 5, sha256: sha256('fresh') }
  })
  const { report, risks } = await look(await lockedProject({ steps, locked }))
  const said = names.map((name) => [
    name,
    [
      ...(report.files ?? [])
        .filter(({ subject }) => subject === `file/${name}`)
        .map(({ compared }) => compared),
      ...risks
        .filter(({ subject }) => subject === `file/${name}`)
        .map(({ kind, message }) => `${kind}: ${message}`),
    ],
  ])
  return Object.fromEntries(said)
}

test('a file of the same size with other bytes is found, by downloading it or by what its server states', async () => {
  const state = (name: string, value: string) => (response: ServerResponse) =>
    response.writeHead(200, { [name]: value, 'content-length': 5 }).end('other')
  const web = await webServer({
    '/same': (response) => response.end('fresh'),
    '/other': (response) => response.end('other'),
    '/chunked': (response) => {
      response.write('oth')
      response.end('er')
    },
    '/endless': (response) => response.writeHead(200).end('fresh'.repeat(1000)),
    '/modern': state('repr-digest', `sha-512=:AAAA:, sha-256=:${sha256('fresh', 'base64')}:`),
    '/old': state('digest', `sha-256=${sha256('other', 'base64')}`),
    '/strange': state('repr-digest', 'sha-256=:nonsense:'),
  })
  const changed = 'changed: download has other bytes under its name: expected'
  const [fresh, other] = [sha256('fresh'), sha256('other')]
  const hashed = ['hashed', `${changed} sha256 ${fresh}, got ${other} (5 bytes)`]
  const names = ['same', 'other', 'chunked', 'endless', 'modern', 'old', 'strange']
  expect(await lookAtFiles(web.url, names)).toEqual({
    same: ['hashed'],
    other: hashed,
    chunked: hashed,
    endless: ['size', `${changed} 5 bytes, it has more`],
    modern: ['stated'],
    old: ['stated', `${changed} sha256 ${fresh}, it states ${other}`],
    strange: hashed,
  })
})

test('a file that is gone, or moved for good, is told from one that is led elsewhere for now', async () => {
  const lead = (status: number, to: string) => (response: ServerResponse) =>
    response.writeHead(status, { location: to }).end()
  const web = await webServer({
    '/here': (response) => response.end('fresh'),
    '/moved': lead(301, '/here'),
    '/twice': lead(308, '/moved'),
    '/for-now': lead(302, '/here'),
    '/then-for-now': lead(301, '/for-now'),
    '/for-now-then-moved': lead(307, '/moved'),
    '/secret': lead(301, '/here?token=s3cret'),
    '/here?token=s3cret': (response) => response.end('fresh'),
    '/withdrawn': (response) => response.writeHead(410).end(),
  })
  const moved = (to: string) => ['hashed', `redirected: its address leads for good to ${web.url}${to}`]
  const gone = ['gone: no source has it any more, nor does this store']
  const names = [
    'moved',
    'twice',
    'for-now',
    'then-for-now',
    'for-now-then-moved',
    'secret',
    'missing',
    'withdrawn',
  ]
  expect(await lookAtFiles(web.url, names)).toEqual({
    moved: moved('/here'),
    twice: moved('/here'),
    'for-now': ['hashed'],
    'then-for-now': moved('/for-now'),
    'for-now-then-moved': ['hashed'],
    secret: moved('/here?***'),
    missing: gone,
    withdrawn: gone,
  })
})

test.each(['json', 'html'] as const)(
  'no upgrade is advised that the recipe, what is locked or the Python of the image excludes (an index in %s)',
  async (form) => {
    const [index, own] = [await startIndex(), await startIndex()]
    onTestFinished(async () => void (await Promise.all([index.close(), own.close()])))
    index.speak(form)
    const wheel = (name: string, version: string, more: Partial<DistributionOptions> = {}) => {
      const made = makeWheel({ name, version, ...more })
      index.add(made)
      return made
    }
    const locked = [
      wheel('pinned', '1.0'),
      wheel('capped', '1.0'),
      wheel('by-file', '1.0'),
      wheel('constrained', '1.0'),
      wheel('marked', '1.0'),
      wheel('needed', '1.0'),
      wheel('needs', '1.0', { requires: ['needed<2', "free<2; python_version < '3.8'"] }),
      wheel('free', '1.0'),
      wheel('modern', '1.0'),
      wheel('compiled', '1.0'),
      wheel('withdrawn', '1.0'),
      wheel('early', '1.0'),
      wheel('elsewhere', '1.0'),
    ]
    for (const { name } of locked) wheel(name, '1.5')
    for (const { name } of locked.slice(0, 8)) wheel(name, '3.0')
    wheel('modern', '3.0', { requiresPython: '>=3.12' })
    wheel('compiled', '3.0', { tags: 'cp312-cp312-manylinux_2_17_x86_64' })
    index.yank(wheel('withdrawn', '3.0').file, 'broken')
    wheel('early', '3.0rc1')
    // of one that needs what can't be there, the next older version that does not
    wheel('free', '4.0', { requires: ['capped>=2'] })
    // of an index without metadata of its own, the wheel says it
    // neither is there another version of what the image has from elsewhere
    wheel('free', '4.2', { requires: ['system>=2'] })
    wheel('system', '2.0', { requiresPython: '>=3.12' })
    wheel('needs', '3.1', { requires: ['fresh>=2'] })
    wheel('fresh', '2.0')
    index.hide(wheel('free', '4.5', { requires: ['capped>=2'] }).file)
    wheel('free', '5.0', { requires: ['needed >=2; python_version >= "3.8"', 'nothing-locked'] })
    own.add(makeWheel({ name: 'elsewhere', version: '1.2' }))
    const files = locked.map(({ name, version, file, bytes }) => ({
      ...{ name, version, file, size: bytes.length },
      sha256: createHash('sha256').update(bytes).digest('hex'),
      ...(name === 'elsewhere' ? { index: `${own.url}/simple` } : {}),
    }))
    const provided = [
      { name: 'fresh', version: '1.0' },
      { name: 'system', version: '1.0' },
    ]
    const requirements = [
      'pinned==1.0',
      'capped<2',
      'marked<2; python_version >= "3.8"',
      'free',
      'needs',
      'elsewhere',
    ]
    const directory = await lockedProject({
      packages: [debianPackage('python3', '3.11.2-1+b1'), debianPackage('libc6', '2.36-9+deb12u10')],
      steps: [
        {
          kind: 'pip',
          requirements,
          files: [{ path: 'requirements.txt' }],
          constraints: ['constrained<2'],
          indexes: { elsewhere: `${own.url}/simple` },
        },
      ],
      locked: [{ kind: 'pip', pip: '23.0.1', files, build: {}, provided, local: [] }],
      files: { 'recipes/x/requirements.txt': 'by-file ~= 1.0\n' },
    })
    const cache = await temporaryDirectory()
    const store = await openStore(join(cache, 'store'))
    for (const { bytes } of locked) await store.put(bytes)
    const { report } = await look(directory, { STILLROOM_CACHE: cache, PIP_INDEX_URL: `${index.url}/simple` })
    const advised = report.risks.find(({ kind }) => kind === 'newer')?.message ?? ''
    const taken = [...advised.matchAll(/pypi\/(\S+) 1\.0 -> (\S+?)(?:,|$)/g)]
    expect(taken.map(([, name, to]) => `${name} ${to}`)).toEqual([
      ...['by-file 1.5', 'capped 1.5', 'compiled 1.5', 'constrained 1.5', 'early 1.5', 'elsewhere 1.2'],
      ...['free 3.0', 'marked 1.5', 'modern 1.5', 'needed 1.5', 'needs 3.1', 'withdrawn 1.5'],
    ])
    const excluded = report.excluded ?? []
    expect(excluded.map(({ subject, newest, reason }) => `${subject} ${newest}: ${reason}`)).toEqual([
      'pypi/by-file 3.0: the recipe says by-file ~= 1.0',
      'pypi/capped 3.0: the recipe says capped<2',
      'pypi/compiled 3.0: it has no file that fits the image',
      'pypi/constrained 3.0: the recipe says constrained<2',
      'pypi/free 5.0: it requires needed >=2, and needed stays at 1.0 or 1.5',
      'pypi/marked 3.0: the recipe says marked<2',
      'pypi/modern 3.0: it requires Python >=3.12, the image has 3.11.2',
      'pypi/needed 3.0: needs 1.0 says needed<2',
      'pypi/pinned 3.0: the recipe says pinned==1.0',
    ])
  },
)
