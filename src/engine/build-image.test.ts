import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BuildOptions, type BuildProgress, buildImage } from './build-image.ts'

/*
 * A builder whose cache leads to lost layers can only be had by breaking an engine's store, so a program stands in for docker:
 * it fails as often as it is told to, by BuildKit's own words, and notes what it was asked.
 */
const DOCKER = `#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/asked"
case $* in *prune*) echo 'ID	RECLAIMABLE'; cat "$here/records"; exit 0 ;; esac
while [ $# -gt 0 ]; do [ "$1" = --metadata-file ] && metadata=$2; shift; done
if [ "$(grep -c 'buildx build' "$here/asked")" -le "$(cat "$here/failures")" ]; then cat "$here/error" >&2; exit 1; fi
echo '{"containerimage.config.digest":"sha256:1"}' >"$metadata"
`

const failing = (error: string, log = '') =>
  `${JSON.stringify({ vertexes: [{ digest: 'sha256:0', name: '[apt-1 2/2] RUN x', error }] })}\n${JSON.stringify(
    {
      logs: [{ vertex: 'sha256:0', data: Buffer.from(log).toString('base64') }],
    },
  )}\nERROR: failed to solve: ${error}\n`

const LOST = 'failed to prepare r4k0mc as z1x2: NotFound: layer does not exist'

async function builder(failures: number, error: string, records = '') {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-builder-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const files = { docker: DOCKER, failures: `${failures}`, error, records, asked: '' }
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  await chmod(join(directory, 'docker'), 0o755)
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`)
  onTestFinished(() => void vi.unstubAllEnvs())
  const notes: string[] = []
  const onProgress = (event: BuildProgress) => event.kind === 'note' && notes.push(event.text)
  const build = (more: Partial<BuildOptions> = {}) =>
    buildImage({
      ...{ context: directory, platform: 'linux/amd64', epoch: 0 },
      ...{ signal: new AbortController().signal, onProgress, ...more },
    })
  /** What docker was asked, in short. */
  const asked = async () => {
    const lines = (await readFile(join(directory, 'asked'), 'utf8')).trim().split('\n')
    return lines.map((line) =>
      line.includes('prune') ? line : line.includes('--no-cache') ? 'build without cache' : 'build',
    )
  }
  return { build, notes, asked }
}

describe('buildImage() with a builder that lost a layer', () => {
  test('lets it forget the record that it names, and builds again', async () => {
    const { build, notes, asked } = await builder(1, failing(LOST), 'r4k0mc	true')
    expect(await build({ builder: 'mine' })).toEqual({ id: 'sha256:1', reference: 'sha256:1' })
    expect(await asked()).toEqual([
      'build',
      'buildx prune --force --filter id=r4k0mc --builder mine',
      'build',
    ])
    expect(notes).toEqual([expect.stringContaining('r4k0mc')])
  })

  test.each([
    ['that is not in the cache', LOST],
    ['without a name', 'failed to load cache: not found'],
  ])('builds once without the cache when it lacks a record %s', async (_, error) => {
    const { build, notes, asked } = await builder(1, failing(error))
    expect(await build()).toMatchObject({ id: 'sha256:1' })
    expect((await asked()).filter((line) => line.startsWith('build '))).toEqual(['build without cache'])
    expect(notes).toEqual([expect.stringContaining('without its cache')])
  })

  test('gives up with what to do when that fails, too', async () => {
    const { build } = await builder(9, failing(LOST), 'r4k0mc	true')
    await expect(build()).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('layer does not exist'),
      hint: expect.stringContaining('docker builder prune'),
    })
  })

  test('is not what a step says of itself', async () => {
    const error = 'process "/bin/sh -c x" did not complete successfully: exit code: 1'
    const { build, asked } = await builder(9, failing(error, 'layer does not exist\n'))
    await expect(build()).rejects.toMatchObject({ code: 'STEP_FAILED' })
    expect(await asked()).toEqual(['build'])
  })
})

describe('buildImage() on a full disk', () => {
  const failed = 'process "/bin/dash x" did not complete successfully: exit code: 1'

  test('says so by what a step printed, however long ago and in whatever pieces', async () => {
    const early = `cp: error writing 'a': No space left on device\n${'more\n'.repeat(5000)}`
    const { build } = await builder(9, failing(failed, early))
    await expect(build()).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining("cp: error writing 'a': No space left on device"),
    })
    const other = await builder(9, failing(failed, 'dpkg cannot install the base'))
    await expect(other.build()).rejects.toMatchObject({ code: 'STEP_FAILED' })
  })
})

test('that docker has no buildx is said as that', async () => {
  const { build } = await builder(9, "unknown flag: --progress\nSee 'docker --help'.\n")
  await expect(build()).rejects.toMatchObject({
    code: 'ENGINE_MISSING',
    message: 'docker has no buildx plugin to build the image',
    hint: expect.stringContaining('buildx plugin'),
  })
})
