import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { makeDeb } from '../../test/world/make-deb.ts'
import * as fault from '../store/testing/fault-server.ts'
import { makeBytes, sha256 } from '../store/testing/make-artifact.ts'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'

const script = fileURLToPath(new URL('build-scripts/fetch.sh', import.meta.url))
const bytes = makeBytes(5000)
const deb = 'pool/main/g/g++/g++_1%3a2+b1_amd64.deb'
const escaped = 'pool/main/g/g%2B%2B/g%2B%2B_1%253a2%2Bb1_amd64.deb'
const debFile = 'artifacts/base/g++_1%3a2+b1_amd64.deb'
const debRow = [sha256(bytes), bytes.length, 'debian', 'debian', deb, debFile]
const wheel = 'six-1.0+local-py3-none-any.whl'
const wheelFile = `artifacts/pip-1/${wheel}`
const wheelRow = [sha256(bytes), bytes.length, 'pypi', 'six', wheel, wheelFile]

let server: fault.FaultServer
let context: string
beforeEach(async () => {
  server = await fault.startFaultServer()
  context = await temporaryDirectory()
  await copyFile(script, join(context, 'fetch.sh'))
  await mkdir(join(context, 'base'))
  await writeFile(join(context, 'base/sources.txt'), 'debian 20200101T000000Z bookworm main\n')
  await writeFile(join(context, 'apt.conf'), `Dir::Etc "${context}/apt";\n`)
  await mkdir(join(context, 'apt/sources.list.d'), { recursive: true })
})
afterEach(() => server.close())

const table = (...rows: (string | number)[][]) =>
  writeFile(
    join(context, 'artifacts.tsv'),
    ['# head', ...rows.map((row) => row.join('\t'))].join('\n').concat('\n'),
  )
const read = (path: string) => readFile(join(context, path))

/** A PATH with the programs of this machine but those named; made once. */
const paths = new Map<string, Promise<string>>()
afterAll(() =>
  Promise.all([...paths.values()].map(async (path) => rm(await path, { recursive: true, force: true }))),
)
function pathWithout(...names: string[]): Promise<string> {
  const make = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stillroom-path-'))
    for (const place of ['/usr/bin', '/bin']) {
      for (const name of await readdir(place)) {
        if (!names.includes(name)) await symlink(join(place, name), join(directory, name)).catch(() => {})
      }
    }
    return directory
  }
  const key = names.join()
  const path = paths.get(key) ?? make()
  paths.set(key, path)
  return path
}

function fetch(env: Record<string, string> = {}, args: string[] = []) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const none = { STILLROOM_SNAPSHOT: 'none', STILLROOM_OLD_RELEASES: 'none' }
    const base = { PATH: '/usr/bin:/bin', HOME: context, APT_CONFIG: join(context, 'apt.conf'), ...none }
    execFile(
      '/bin/sh',
      [join(context, 'fetch.sh'), ...args],
      { env: { ...base, ...env } },
      (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      },
    )
  })
}

describe('fetch.sh', () => {
  it('explains itself', async () => {
    expect(await fetch({}, ['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('STILLROOM_DEBIAN'),
    })
    expect(await fetch({}, ['--other'])).toMatchObject({ code: 2 })
  })

  it('fetches a .deb, makes directories, keeps what is right, removes what is not named', async () => {
    await table(debRow, ['-', '-', 'directory', '-', '-', 'artifacts/apt-1'])
    await mkdir(join(context, 'artifacts/base'), { recursive: true })
    await writeFile(join(context, 'artifacts/base/old.deb'), '')
    server.on(`/debian/${escaped}`, fault.file(bytes))
    const env = { STILLROOM_DEBIAN: `${server.url}/debian/` }
    expect(await fetch(env)).toMatchObject({ code: 0 })
    expect(await read(debFile)).toEqual(Buffer.from(bytes))
    expect((await readdir(join(context, 'artifacts'), { recursive: true })).sort()).toEqual([
      'apt-1',
      'base',
      debFile.slice('artifacts/'.length),
    ])
    // nothing is asked for, so no source need be known
    expect(await fetch()).toMatchObject({ code: 0 })
    expect(server.seen).toHaveLength(1)
    await writeFile(join(context, debFile), 'damaged')
    expect(await fetch(env)).toMatchObject({ code: 0 })
    expect(await read(debFile)).toEqual(Buffer.from(bytes))
  })

  describe('with nothing set', () => {
    const release = (home: string) => `ID=debian\nHOME_URL="${home}"\n`
    const unset = { STILLROOM_SNAPSHOT: '', STILLROOM_OLD_RELEASES: '' }

    /** A package that says whose it is, which the mirror has, and a proxy to the rest of the world. */
    async function baseFiles(home: string, answers: Record<string, Uint8Array>) {
      const made = await makeDeb({
        ...{ name: 'base-files', version: '12' },
        files: { '/usr/lib/os-release': release(home) },
      })
      const seen: string[] = []
      const proxy = createServer((request, response) => {
        // whether there is a service at all is asked once
        if (new URL(request.url ?? '').pathname !== '/') seen.push(request.url ?? '')
        const found = answers[request.url ?? '']
        response.writeHead(found === undefined ? 404 : 200).end(found)
      })
      proxy.listen(0, '127.0.0.1')
      await once(proxy, 'listening')
      onTestFinished(() => void proxy.close())
      await table(
        [
          made.sha256,
          made.bytes.length,
          'debian',
          'debian',
          made.path,
          'artifacts/base/base-files_12_all.deb',
        ],
        debRow,
      )
      server.on(`/debian/${made.path}`, fault.file(made.bytes))
      const http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const env = { STILLROOM_DEBIAN: `${server.url}/debian`, http_proxy, no_proxy: '127.0.0.1' }
      return { seen, env }
    }
    const snapshot = `http://snapshot.deb.example/archive/debian/20200101T000000Z/${escaped}`
    const old = `http://archive.deb.example/debian/${escaped}`

    it.each([
      ['the snapshot service', snapshot],
      ['the archive of old releases', old],
    ])('what no mirror has comes from %s of the distribution that base-files names', async (_, url) => {
      const { seen, env } = await baseFiles('http://www.deb.example/', { [url]: bytes })
      expect(await fetch({ ...env, ...unset })).toMatchObject({ code: 0 })
      expect(await read(debFile)).toEqual(Buffer.from(bytes))
      expect(seen).toEqual(url === snapshot ? [snapshot] : [snapshot, old])
      // only what is missing, and only when it is
      expect(await fetch({ ...env, ...unset })).toMatchObject({ code: 0 })
      expect(seen.length).toBeLessThan(3)
    })

    it('a service that does not answer is asked once, not for each file', async () => {
      const { env } = await baseFiles('http://www.deb.example/', {})
      const started = performance.now()
      const refused = await fetch({ ...env, ...unset, http_proxy: 'http://127.0.0.1:9' })
      expect(refused.stderr.match(/deb\.example does not answer/g)).toHaveLength(2)
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('g++') })
      expect(performance.now() - started).toBeLessThan(20_000)
    })

    it('nobody is asked with `none`, and a setting comes before the default', async () => {
      const { seen, env } = await baseFiles('http://www.deb.example/', { [snapshot]: bytes })
      const refused = await fetch(env)
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('/debian/pool/main/g') })
      expect(seen).toEqual([])
      const set = { STILLROOM_SNAPSHOT: `${server.url}/other`, STILLROOM_OLD_RELEASES: `${server.url}/old` }
      server.on(`/old/debian/${escaped}`, fault.file(bytes))
      expect(await fetch({ ...env, ...set })).toMatchObject({ code: 0 })
      expect(seen).toEqual([])
    })
  })

  it('takes a package of an archive by its address from there, or from its earlier states', async () => {
    const states = [1, 2].map((day) => `${server.url}/states/2020010${day}T000000Z/tool.deb`)
    const file = 'artifacts/apt-1/tool.deb'
    await table([sha256(bytes), bytes.length, 'url', `${server.url}/repo/tool.deb`, states.join(' '), file])
    server.on('/states/20200102T000000Z/tool.deb', fault.file(bytes))
    expect(await fetch()).toMatchObject({ code: 0 })
    expect(await read(file)).toEqual(Buffer.from(bytes))
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/repo/tool.deb',
      '/states/20200101T000000Z/tool.deb',
      '/states/20200102T000000Z/tool.deb',
    ])
  })

  it.each(['curl', 'wget'])('goes on to the snapshot when the mirror is wrong, with %s', async (tool) => {
    await table(debRow)
    server.on(`/debian/${escaped}`, fault.file(bytes.subarray(1)))
    server.on(`/snapshot/archive/debian/20200101T000000Z/${escaped}`, fault.file(bytes))
    const PATH = await pathWithout(tool === 'curl' ? 'wget' : 'curl')
    const env = {
      PATH,
      STILLROOM_DEBIAN: `${server.url}/debian`,
      STILLROOM_SNAPSHOT: `${server.url}/snapshot`,
    }
    expect(await fetch(env)).toMatchObject({ code: 0 })
    expect(await read(debFile)).toEqual(Buffer.from(bytes))
    expect(server.seen.map(({ path }) => path.split('/')[1])).toEqual(['debian', 'snapshot'])
  })

  it('tries again when the connection breaks', async () => {
    await table(debRow)
    server.on(`/debian/${escaped}`, fault.resetAfter(bytes, 100), fault.file(bytes))
    expect(await fetch({ STILLROOM_DEBIAN: `${server.url}/debian` })).toMatchObject({ code: 0 })
  })

  it('lists every failure with what was expected and got, and leaves nothing half-written', async () => {
    await table(debRow, wheelRow)
    server.on(`/debian/${escaped}`, fault.file(bytes.subarray(1)))
    server.on('/simple/six/', fault.body('<a href="other.whl">other</a>', 'text/html'))
    const login = server.url.replace('//', '//me:secret@')
    const { code, stderr } = await fetch({
      STILLROOM_DEBIAN: `${login}/debian`,
      PIP_INDEX_URL: `${login}/simple/`,
    })
    expect(code).toBe(1)
    const lines = [
      `g++: ${debFile}`,
      `expected sha256 ${sha256(bytes)}, 5000 bytes, from debian debian`,
      `/debian/${escaped}: got sha256 ${sha256(bytes.subarray(1))}, 4999 bytes (cut short, or replaced at the source)`,
      `six: ${wheelFile}`,
      '/simple/six/: the page does not name the file',
    ]
    for (const line of lines) expect(stderr).toContain(line)
    expect(stderr).not.toContain('secret')
    expect(await readdir(join(context, 'artifacts'))).toEqual([])
  })

  it('says which variables to set when no mirror or index is known', async () => {
    await table(debRow)
    expect(await fetch()).toMatchObject({ code: 1, stderr: expect.stringContaining('set STILLROOM_DEBIAN') })
    await table(wheelRow)
    const PATH = await pathWithout('python3', 'python')
    expect(await fetch({ PATH })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('set PIP_INDEX_URL'),
    })
  })

  it.each([
    [
      'sources.list',
      (root: string) =>
        `# a\ndeb-src ${root}/src bookworm main\ndeb [arch=amd64 trusted=yes] ${root}/x/debian/ bookworm contrib main # b\n`,
    ],
    [
      'sources.list.d/debian.sources',
      (root: string) =>
        `# a\nTypes: deb-src\nURIs: ${root}/src\nSuites: bookworm\nComponents: main\n\nEnabled: no\nTypes: deb\nURIs: ${root}/off\nSuites: bookworm\nComponents: main\n\nTypes: deb deb-src\nURIs:\n ${root}/x/debian\nSuites: bookworm\n# c\n  bookworm-updates\nComponents: main\n`,
    ],
  ])("finds mirrors in apt's %s", async (name, text) => {
    const security = [
      sha256(bytes),
      bytes.length,
      'debian',
      'debian-security',
      'pool/updates/a.deb',
      'artifacts/base/a.deb',
    ]
    await table(debRow, security)
    await writeFile(join(context, 'apt', name), text(server.url))
    server.on(`/x/debian/${escaped}`, fault.file(bytes))
    server.on('/x/debian-security/pool/updates/a.deb', fault.file(bytes))
    expect(await fetch()).toMatchObject({ code: 0 })
    expect(server.seen).toHaveLength(2)
  })

  it.each([
    [
      'by digest, relative, with entities',
      `<a\n data-x="1"  href='../../f/x?a=1&amp;b=2#sha256=${sha256(bytes)}'>x</a>`,
      '/f/x?a=1&b=2',
    ],
    [
      'by name, percent-encoded, from the root',
      '<A HREF="/f/six-1.0%2Blocal-py3-none-any.whl#md5=1">six</A>',
      '/f/six-1.0%2Blocal-py3-none-any.whl',
    ],
    ['beside the page', `<a href="${wheel}">six</a>`, `/simple/six/${wheel}`],
  ])('finds a wheel in the page of its project: %s', async (_, html, path) => {
    await table(wheelRow)
    const page = `<html><body><a href="${wheel}.metadata">no</a>\n${html}\n</body></html>`
    server.on('/simple/six/', fault.body(page, 'text/html'))
    server.on(path, fault.file(bytes))
    const login = server.url.replace('//', '//me:pw@')
    expect(await fetch({ PIP_INDEX_URL: `${login}/simple` })).toMatchObject({ code: 0 })
    expect(await read(wheelFile)).toEqual(Buffer.from(bytes))
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Basic bWU6cHc=',
      'Basic bWU6cHc=',
    ])
  })

  it('resolves links against the address that the index redirects to', async () => {
    await table(wheelRow)
    server.on('/simple/six/', fault.status(301, { location: '/deep/er/six/' }))
    server.on('/deep/er/six/', fault.body(`<a href="../${wheel}">six</a>`, 'text/html'))
    server.on(`/deep/er/${wheel}`, fault.file(bytes))
    expect(await fetch({ PIP_INDEX_URL: `${server.url}/simple` })).toMatchObject({ code: 0 })
  })

  it('takes all of a table in several processes, without a file missing', async () => {
    const files = Array.from({ length: 30 }, (_, i) => makeBytes(1000 + i))
    await table(
      ...files.map((file, i) => [
        sha256(file),
        file.length,
        'debian',
        'debian',
        `pool/a${i}.deb`,
        `artifacts/base/a${i}.deb`,
      ]),
    )
    for (const [i, file] of files.entries()) server.on(`/debian/pool/a${i}.deb`, fault.file(file))
    expect(await fetch({ STILLROOM_DEBIAN: `${server.url}/debian` })).toMatchObject({ code: 0 })
    for (const [i, file] of files.entries())
      expect(await read(`artifacts/base/a${i}.deb`)).toEqual(Buffer.from(file))
  })

  it('leaves nothing behind when interrupted', async () => {
    await table(debRow)
    server.on(`/debian/${escaped}`, fault.stallAfter(bytes, 100))
    const child = spawn('/bin/sh', [join(context, 'fetch.sh')], {
      stdio: 'ignore',
      env: { PATH: '/usr/bin:/bin', STILLROOM_DEBIAN: `${server.url}/debian` },
    })
    await server.arrived(1)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(await readdir(join(context, 'artifacts'))).toEqual([])
  })

  it.each(['gzip', 'xz', 'none'])('unpacks a seed without dpkg-deb (%s)', async (compression) => {
    const make = `
      set -e; mkdir -p d/DEBIAN d/usr; echo hello > d/usr/a; printf 'Package: a\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: a\\n' > d/DEBIAN/control
      mkdir -p artifacts/base; dpkg-deb -Z${compression} --build d artifacts/base/a_1_all.deb > /dev/null; dpkg-deb --fsys-tarfile artifacts/base/a_1_all.deb > expected; cat artifacts/base/a_1_all.deb`
    const built = await new Promise<Buffer>((done, fail) =>
      execFile('/bin/sh', ['-c', make], { cwd: context, encoding: 'buffer' }, (error, stdout) =>
        error ? fail(error) : done(stdout),
      ),
    )
    const file = 'artifacts/base/a_1_all.deb'
    await table(
      [sha256(built), built.length, 'debian', 'debian', 'pool/a_1_all.deb', file],
      ['-', '-', 'seed', '-', file, 'artifacts/seed/a.tar'],
    )
    expect(await fetch({ PATH: await pathWithout('dpkg-deb') })).toMatchObject({ code: 0 })
    expect(await read('artifacts/seed/a.tar')).toEqual(await read('expected'))
  })

  it('archives a tree of the repository around it, whatever its attributes say', async () => {
    const make = `
      set -e; git init -q repo; cd repo; git config user.email a@b; git config user.name a
      mkdir p; printf '*.txt export-ignore\\n*.md text eol=crlf\\n*.v export-subst\\n' > p/.gitattributes
      echo a > p/a.txt; printf 'b\\n' > p/b.md; echo '$Format:%H$' > p/c.v; chmod 755 p/c.v; ln -s a.txt p/link; echo n > "p/new
line"
      git add .; git commit -qm a; git rev-parse HEAD:p`
    const tree = await new Promise<string>((done, fail) =>
      execFile('/bin/sh', ['-c', make], { cwd: context }, (error, stdout) =>
        error ? fail(error) : done(stdout.trim()),
      ),
    )
    const nested = join(context, 'repo/generated/x')
    await mkdir(nested, { recursive: true })
    await writeFile(
      join(nested, 'artifacts.tsv'),
      `-\t-\tproject\t${'1'.repeat(40)}\t${tree}\tartifacts/project-1/project.tar\n`,
    )
    const list = `sh "${script}" 2>&1 && tar -tvf artifacts/project-1/project.tar && tar -xOf artifacts/project-1/project.tar b.md c.v`
    await copyFile(script, join(nested, 'fetch.sh'))
    const text = await new Promise<string>((done) =>
      execFile('/bin/sh', ['-c', list.replace(script, './fetch.sh')], { cwd: nested }, (_, stdout, stderr) =>
        done(stdout + stderr),
      ),
    )
    expect(text).toContain('b\n$Format:%H$')
    expect(text).toMatch(/-rw-r--r-- .* a\.txt\n/)
    expect(text).toMatch(/-rwxr-xr-x .* c\.v\n/)
    expect(text).toMatch(/ link -> a\.txt\n/)
    expect(text).toContain('new\\nline')
  })

  it('fetches downloads from their address, verified', async () => {
    const row = (name: string) => [
      sha256(bytes),
      bytes.length,
      'url',
      `${server.url}/${name}?token=s3cret`,
      '-',
      `artifacts/${name}/content`,
    ]
    await table(row('file-1'))
    server.on('/file-1?token=s3cret', fault.file(bytes))
    expect(await fetch()).toMatchObject({ code: 0 })
    expect(await read('artifacts/file-1/content')).toEqual(Buffer.from(bytes))
    await table(row('file-1'), row('file-2'))
    server.on('/file-2?token=s3cret', fault.file(bytes.subarray(1)))
    const { code, stderr } = await fetch()
    expect(code).toBe(1)
    expect(stderr).toContain(`expected sha256 ${sha256(bytes)}`)
    expect(stderr).not.toContain('s3cret')
  })

  it('makes a tar of the files of a commit elsewhere, whatever its branches hold now', async () => {
    const elsewhere = join(context, 'elsewhere')
    const env = { PATH: '/usr/bin:/bin', HOME: context, GIT_CONFIG_NOSYSTEM: '1' }
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-C', elsewhere, ...args], {
        env,
        encoding: 'utf8',
      }).trim()
    await mkdir(elsewhere)
    git('init', '--quiet')
    await writeFile(join(elsewhere, '.gitattributes'), 'x export-ignore\n')
    await writeFile(join(elsewhere, 'x'), 'locked\n')
    git('add', '.')
    git('commit', '--quiet', '--message', 'one')
    const commit = git('rev-parse', 'HEAD')
    await writeFile(join(elsewhere, 'x'), 'moved\n')
    git('commit', '--quiet', '--all', '--message', 'two')
    const row = (kind: string) => [
      'ab'.repeat(32),
      1,
      kind,
      `file://${elsewhere}`,
      commit,
      'artifacts/git-1/tree.tar',
    ]
    await table(row('git'))
    expect(await fetch()).toMatchObject({ code: 0 })
    const tar = (...args: string[]) =>
      execFileSync('tar', ['-xOf', join(context, 'artifacts/git-1/tree.tar'), ...args], { encoding: 'utf8' })
    expect(tar('x')).toBe('locked\n')
    await table(row('git-parts'))
    expect(await fetch()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('stillroom store export'),
    })
  })
})
