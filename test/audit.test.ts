import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { execa } from 'execa'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { DiskLayerCache } from '../src/image/layer-cache.ts'
import { openImage } from '../src/image/open-image.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import type { RecipePageResult } from '../src/workflows/page/report-recipe.ts'
import { listedPackages } from './support/listed-packages.ts'
import { copyProject } from './support/project.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { tamperedImage } from './support/tampered-image.ts'

/** What any change of an image brings with it. */
const IDENTITY = new Set(['image-id', 'tree-digest', 'layer-extra'])
const LOCK = 'recipes/hello/lock.json'

useScratchCache()

beforeAll(async () => {
  const { exitCode, stderr } = await stillroom(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
  expect(exitCode, stderr).toBe(0)
})

describe('audit recipe', () => {
  test('finds nothing in an image as it was built, and knows whose every byte is', async () => {
    const directory = await copyProject('hello')
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'])
    expect(report.findings).toEqual([])
    expect(report.verdict).toBe('clean')
    expect(report.files.unexplained).toEqual([])
    expect(report.files.modified).toEqual([])
    expect(report.files.explainedShare).toBeGreaterThan(0.999)
    // most bytes are compared with what their owner has, and most of the rest is byte code
    const { intact, generated } = report.files.account
    expect(intact.bytes / (intact.bytes + generated.bytes)).toBeGreaterThan(0.8)
    expect(report.files.generated[0]?.reason).toMatch(/^byte code/)
    expect((report.files.generated[0]?.bytes ?? 0) / generated.bytes).toBeGreaterThan(0.95)
  })

  test('its page has every byte that it counts, and its bills of materials', async () => {
    const directory = await copyProject('hello')
    const audit = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'])
    const report = ['report', 'recipe', 'hello']
    const result = await stillroomJson<RecipePageResult>(directory, report)
    const tallies = Object.values(audit.files.account)
    expect(result).toMatchObject({
      from: 'image',
      verdict: 'clean',
      image: audit.image.id,
      files: tallies.reduce((sum, { files }) => sum + files, 0),
      bytes: tallies.reduce((sum, { bytes }) => sum + bytes, 0),
    })
    const page = await readFile(result.page, 'utf8')
    const texts = [...page.matchAll(/id="file-\d">(.*)<\/script>/g)].map(([, text = '']) => JSON.parse(text))
    const sboms = ['cyclonedx', 'spdx'].map(async (format) => {
      const file = join(directory, `${format}.json`)
      await stillroom(directory, ['audit', 'recipe', 'hello', '--sbom', format, '--output', file])
      return readFile(file, 'utf8')
    })
    const lock = await readFile(join(directory, LOCK), 'utf8')
    expect(texts).toEqual([lock, ...(await Promise.all(sboms))])
    await stillroom(directory, report)
    expect(await readFile(result.page, 'utf8')).toBe(page)
  })

  test('of layers that were audited before takes the digests alone, and says the same', async () => {
    const directory = await copyProject('hello')
    const cache = await mkdtemp(join(tmpdir(), 'stillroom-audit-'))
    onTestFinished(() => rm(cache, { recursive: true, force: true }))
    await symlink(join(defaultCacheDirectory(process.env), 'store'), join(cache, 'store'))
    const env = { STILLROOM_CACHE: cache }
    const kept = () => readdir(join(cache, 'layers'), { recursive: true }).catch(() => [])

    const image = await tamperedImage({ script: 'echo //host/:_authToken=npm_0123456789 > /etc/npmrc' })
    await stillroom(directory, ['audit', 'image', image, '--lock', LOCK], { env })
    expect(await kept(), 'a layer may hold what was found').toEqual([])

    const first = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'], { env })
    expect((await kept()).filter((path) => /[0-9a-f]{64}$/.test(path))).toHaveLength(
      first.image.diffIDs.length,
    )
    const count = first.image.diffIDs.length
    expect(first.trust).toEqual({
      ...{ files: 'tree-digest', owners: 'artifacts', missingArtifacts: 0, byteCode: 'as-locked' },
      layers: { read: count, known: 0 },
      unclearDirectories: [],
    })
    const again = async () => stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'], { env })
    const trust = { ...first.trust, owners: 'earlier-audit' }
    expect(await again()).toEqual({ ...first, trust: { ...trust, layers: { read: 0, known: count } } })
    const strict = ['audit', 'recipe', 'hello', '--strict']
    expect(await stillroomJson<AuditReport>(directory, strict, { env })).toMatchObject({
      verdict: 'clean',
      findings: [],
      trust: first.trust,
    })

    // layers of which too little was read, as by another release, are replaced
    const [lowest = expect.unreachable()] = first.image.diffIDs
    const path = join(cache, 'layers', (await kept()).find((each) => each.endsWith(lowest.slice(7))) ?? '')
    const size = async () => (await stat(path)).size
    await rm(path)
    const layers = new DiskLayerCache(cache)
    await openImage({ signal: new AbortController().signal }, 'stillroom/hello', { cache: layers })
    await layers.save()
    const short = await size()
    expect(await again()).toEqual({ ...first, trust: { ...trust, layers: { read: 1, known: count - 1 } } })
    expect(await size()).toBeGreaterThan(short)

    const other = await stillroomJson<AuditReport>(directory, ['audit', 'image', image, '--lock', LOCK], {
      env,
    })
    expect(
      other.findings.filter(({ severity }) => severity === 'error').map(({ subject }) => subject),
    ).toEqual(['/etc/npmrc'])
  })

  test('lists every package that dpkg and every pip list in a container', async () => {
    const directory = await copyProject('hello')
    const { packages } = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'])
    const listed = (kind: string) =>
      packages.filter((each) => each.kind === kind).map(({ name, version }) => `${name} ${version}`)
    const { deb, pypi } = await listedPackages('stillroom/hello')
    expect(listed('deb').sort()).toEqual(deb)
    expect(listed('pypi')).toEqual(expect.arrayContaining(pypi))
  })

  test('says in a table what it found, and ends with 1', async () => {
    const directory = await copyProject('hello')
    const clean = await stillroom(directory, ['audit', 'recipe', 'hello'])
    expect(clean).toMatchObject({ exitCode: 0 })
    expect(clean.stdout).toMatch(/^image +stillroom\/hello\n.*\nverdict +clean: .*findings +0$/s)

    const image = await tamperedImage({ script: 'touch /usr/bin/x' })
    const found = await stillroom(directory, ['audit', 'image', image, '--lock', LOCK])
    expect(found).toMatchObject({ exitCode: 1 })
    expect(found.stdout).toContain('error  file-unexplained  /usr/bin/x\n')
  })

  test('writes what it found in each format', async () => {
    const directory = await copyProject('hello')
    const image = await tamperedImage({ script: 'touch /usr/bin/x "/opt/<odd> & name"' })
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'image', image, '--lock', LOCK])
    expect(unlikeIdentity(report)).toEqual([
      'file-unexplained /opt/<odd>%20&%20name',
      'file-unexplained /usr/bin/x',
    ])
    const write = async (...args: string[]) => {
      const output = join(directory, 'written')
      const words = ['audit', 'image', image, '--lock', LOCK, ...args, '--output', output]
      const { exitCode, stderr } = await stillroom(directory, words)
      expect(exitCode, stderr).toBe(1)
      return readFile(output, 'utf8')
    }
    const found = report.findings.length
    const sarif = JSON.parse(await write('--format', 'sarif')) as { runs: { results: unknown[] }[] }
    expect(sarif.runs[0]?.results).toHaveLength(found)
    const failing = report.findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)
    expect((await write('--format', 'junit')).match(/<failure /g)).toHaveLength(new Set(failing).size)
    expect(await write('--format', 'markdown')).toContain('/usr/bin/x')
    const cycloneDx = await write('--sbom', 'cyclonedx')
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(cycloneDx)).toBeNull()
    const spdx = JSON.parse(await write('--sbom', 'spdx')) as { spdxVersion: string; packages: object[] }
    expect(spdx.spdxVersion).toBe('SPDX-2.3')
    expect(spdx.packages.length).toBeGreaterThanOrEqual(report.packages.length)
  })

  test('ignores what the policy says, with its reason, until its day', async () => {
    const directory = await copyProject('hello')
    const image = await tamperedImage({ script: 'touch /opt/a /opt/b' })
    const ignore = (entries: object[]) =>
      writeFile(
        join(directory, 'stillroom.config.ts'),
        `export default ${JSON.stringify({ audit: { ignore: entries } })}\n`,
      )
    const audit = async () => {
      const report = await stillroomJson<AuditReport>(directory, ['audit', 'image', image, '--lock', LOCK])
      return { ...report, found: unlikeIdentity(report) }
    }
    const identity = ['image-id', 'tree-digest'].map((rule) => ({ rule, reason: 'a test' }))

    await ignore([...identity, { rule: 'file-unexplained', subject: '/opt/*', reason: 'ours' }])
    expect(await audit()).toMatchObject({ verdict: 'clean', found: [] })

    await ignore([
      ...identity,
      { rule: 'file-unexplained', subject: '/opt/a', reason: 'ours' },
      { rule: 'file-unexplained', subject: '/opt/b', reason: 'ours', until: '2020-01-31' },
    ])
    expect(await audit()).toMatchObject({
      verdict: 'findings',
      found: ['file-unexplained /opt/b', 'policy-expired policy/file-unexplained/opt/b'],
    })

    await ignore([{ rule: 'file-unexplained' }])
    const { exitCode, stderr } = await stillroom(directory, ['audit', 'image', image, '--lock', LOCK])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/audit\.ignore\.0\.reason/)
  })
})

describe('audit image', () => {
  test('tells other layers, though their files are the same', async () => {
    const directory = await copyProject('hello')
    const image = await flattenedImage()
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'image', image, '--lock', LOCK])
    expect(report.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'layer-digest image/layers',
    ])
  })

  test('reads an archive, or one image of several, and without a lockfile tells what needs none', async () => {
    const directory = await copyProject('hello')
    const archive = join(directory, 'image.tar')
    const plain = await tamperedImage({
      script: `printf x >> /usr/bin/hostname && mkdir /root/.ssh && printf -- '-----BEGIN %s KEY-----\\n' PRIVATE > /root/.ssh/id_rsa`,
    })
    await execa('docker', ['save', '--output', archive, plain, 'stillroom/hello:latest'])
    const several = await stillroom(directory, ['audit', 'image', archive])
    expect(several).toMatchObject({ exitCode: 3 })
    expect(several.stderr).toMatch(/2 images: .*stillroom\/hello:latest.*\n.*FILE#/s)
    const image = `${archive}#${plain}`
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'image', image])
    expect(report.lock).toBeNull()
    const strict = await stillroomJson<AuditReport>(directory, ['audit', 'image', image, '--strict'])
    const trusted = strict.findings.filter(({ rule }) => rule === 'trust').map(({ subject }) => subject)
    expect(trusted).toEqual(['trust/byte-code', 'trust/files', 'trust/owners'])
    expect(report.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'credential /root/.ssh/id_rsa',
      'file-modified /usr/bin/hostname',
    ])
  })

  test('says that it cannot tell when an artifact is not to be had', async () => {
    const directory = await copyProject('hello')
    const cache = join(directory, 'cache')
    await mkdir(cache)
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'], {
      env: {
        STILLROOM_CACHE: cache,
        STILLROOM_DEBIAN: 'http://127.0.0.1:9/',
        STILLROOM_SNAPSHOT: 'http://127.0.0.1:9/',
        PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
      },
    })
    // an archive whose mirror the settings above don't name may still be had
    expect(report.findings.map(({ rule }) => rule)).toContain('inconclusive')
    expect(report.findings.filter(({ rule }) => rule !== 'inconclusive')).toEqual([])
    expect(report.verdict).toBe('inconclusive')
  })
})

/** Without notes, which are of directories in which something is another. */
function unlikeIdentity({ findings }: AuditReport): string[] {
  const others = findings.filter(({ rule, severity }) => !IDENTITY.has(rule) && severity !== 'note')
  return others.map(({ rule, subject }) => `${rule} ${subject}`).sort()
}

/** The files and the config of hello in one layer; gone when the test ends. */
async function flattenedImage(): Promise<string> {
  const name = `stillroom-test-${randomUUID()}`
  onTestFinished(async () => {
    await execa('docker', ['rmi', '--force', name], { reject: false })
  })
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const dockerfile = `FROM scratch
COPY --from=stillroom/hello / /
ENV ${path}
WORKDIR /home/hello
USER hello
CMD ["python3", "-m", "cowsay", "-t", "The same bytes, years later"]
`
  await execa('docker', ['build', '--quiet', '--provenance=false', '--tag', name, '-'], { input: dockerfile })
  return name
}
