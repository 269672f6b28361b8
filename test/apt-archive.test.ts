import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { createMessage, sign } from 'openpgp'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { makeArchive, makeKey, releaseText } from '../src/resolve/debian/small-archive.fixture.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { makeDeb } from './world/make-deb.ts'

const KEY_DATE = new Date('2026-01-01T00:00:00Z')
const DATE = new Date('2026-02-01T00:00:00Z')

/** A suite with `InRelease` at `/suites`, and a flat archive with `Release` and `Release.gpg` alone at `/flat/repo`. */
async function startArchives() {
  const key = await makeKey('Vendor', KEY_DATE)
  const tool = await makeDeb({
    ...{ name: 'vendor-tool', version: '1.0', depends: 'vendor-data (>= 2)' },
    files: { '/usr/bin/vendor-tool': { content: '#!/bin/sh\ncat /usr/share/vendor/data\n', mode: 0o755 } },
  })
  const data = await makeDeb({
    ...{ name: 'vendor-data', version: '2.0' },
    files: { '/usr/share/vendor/data': 'of the flat archive\n' },
  })
  const suites = await makeArchive([{ suite: 'stable', packages: tool.stanza }], key, DATE)
  const packages = Buffer.from(data.stanza)
  const release = Buffer.from(releaseText({ Date: DATE.toUTCString() }, { Packages: packages }))
  const message = await createMessage({ binary: release })
  const signature = await sign({ message, signingKeys: key.privateKey, detached: true, date: DATE })
  const files = new Map<string, Uint8Array>([
    ...[...suites].map(([path, bytes]) => [`/suites/${path}`, bytes] as const),
    [`/suites/${tool.path}`, tool.bytes],
    ['/flat/repo/Release', release],
    ['/flat/repo/Release.gpg', Buffer.from(String(signature))],
    ['/flat/repo/Packages', packages],
    [`/flat/${data.path}`, data.bytes],
  ])
  const server = await startLoopbackServer((request, response) => {
    const bytes = files.get(decodeURIComponent(request.url ?? ''))
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  })
  onTestFinished(() => server.close())
  return { url: server.url, key }
}

if (!NIGHTLY)
  console.warn('skipped: an image with packages of archives of others, which is built twice at night')

test.runIf(NIGHTLY)(
  'packages of archives of others, of a suite and a flat one, are locked, built alike twice, and clean',
  async () => {
    const { url, key } = await startArchives()
    const name = ownName('apt-archive')
    const own = `key: { fingerprint: '${key.fingerprint}', file: 'vendor.asc' }`
    const directory = await makeProject({
      [`recipes/${name}/vendor.asc`]: key.armored,
      [`recipes/${name}/recipe.ts`]: `import { apt, aptArchive, debian, defineRecipe } from 'stillroom'
export default defineRecipe({
  base: debian('bookworm'),
  archives: [
    aptArchive({ url: '${url}/suites', suite: 'stable', components: ['main'], ${own} }),
    aptArchive({ url: '${url}/flat', suite: 'repo/', ${own} }),
  ],
  steps: [apt(['vendor-tool'])],
  checks: [
    { name: 'tool', command: ['vendor-tool'], expect: 'of the flat archive' },
    { name: 'apt', command: ['sh', '-c', 'grep -rc 127.0.0.1 /etc/apt /var/lib/apt | grep -v ":0$" || echo none'], expect: 'none' },
  ],
})
`,
    })
    onTestFinished(async () => {
      await execa('docker', ['image', 'rm', '--force', `stillroom/${name}`], { reject: false })
    })
    const lock = await stillroom(directory, ['lock', 'recipe', name])
    expect(lock, lock.stderr).toMatchObject({ exitCode: 0 })
    const path = join(directory, `recipes/${name}/lock.json`)
    const locked = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64']
    const [step] = locked?.steps ?? []
    const host = url.replace('http://', '')
    expect(
      step?.kind === 'apt' && step.packages.map((each) => [each.name, each.version, each.archive]),
    ).toEqual([
      ['vendor-data', '2.0', `${host}/flat`],
      ['vendor-tool', '1.0', `${host}/suites`],
    ])
    expect(locked?.base.indexes.filter((index) => index.url !== undefined)).toMatchObject([
      { suite: 'repo/', component: '', url: `${url}/flat`, signedBy: [key.fingerprint] },
      { suite: 'stable', component: 'main', url: `${url}/suites`, signedBy: [key.fingerprint] },
    ])
    const first = await stillroomJson<BuildReport>(directory, ['build', 'recipe', name])
    expect(first).toMatchObject({ verdict: 'recorded' })
    const again = await stillroomJson<BuildReport>(directory, ['build', 'recipe', name, '--no-cache'])
    expect(again).toMatchObject({ verdict: 'identical' })
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', name])
    expect(report.findings).toEqual([])
    expect(report.files.unexplained).toEqual([])
  },
)
