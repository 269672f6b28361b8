import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import type { AdoptResult } from '../src/workflows/adopt/adopt-dockerfile.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commitAll, makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { makeAuthority } from './world/certificates.ts'
import { startConnectProxy } from './world/connect-proxy.ts'
import { startFileServer } from './world/file-server.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
import { makeTar } from './world/make-tar.ts'

/*
 * Samples of Dockerfiles are adopted, locked, and built twice, the second time without cache and as on another machine: what share
 * of them rebuilds identically. What is left out of a recipe is left out here, too: only the files that the drafts ask for are put
 * beside them.
 */

const SAMPLES = join(import.meta.dirname, 'adopt/dockerfiles')
/** Samples of what Debian, pip, git and the build context bring, by what in the Dockerfile is their point. */
const BUILT = `
  args backslash bash caches clock clone docs downloads flask floating heredoc heredoc-config heredocs jupyter locale logs lower-case
  numeric-user quotes recommends retries science set-eux several-pythons spark ssh sudo user uv workdirs
  multi-args multi-assets multi-base multi-compile multi-copy multi-git multi-index multi-prefix multi-unused multi-user-site
  multi-venv multi-wheels
`
  .trim()
  .split(/\s+/)
/** What is found in 95 of 100. */
const SHARE = 0.95
/** A project that is built by CMake. */
const CMAKE = {
  'CMakeLists.txt': `cmake_minimum_required(VERSION 3.18)
project(solver C)
add_executable(solver main.c)
install(TARGETS solver DESTINATION bin)
`,
  'main.c': '#include <stdio.h>\nint main(void) { puts(__DATE__ " " __TIME__ " " __FILE__); return 0; }\n',
}
/** What samples clone from git.example.org. */
const TOOL = {
  ...CMAKE,
  Makefile: 'all:\n\techo tool > tool\ninstall:\n\tinstall -D -m 755 tool $(DESTDIR)/usr/local/bin/tool\n',
  'run.sh': '#!/bin/sh\nexec cat /usr/local/bin/tool\n',
}

if (!NIGHTLY) console.warn('skipped: adopted Dockerfiles, which are built twice each, at night')

/** What a build prints that comes to nothing. */
interface Refusal {
  error: { message: string }
}

const verdicts = new Map<string, string>()
let git: GitServer
let env: Record<string, string>
const downloads = new AsyncDisposableStack()
beforeAll(async () => {
  if (!NIGHTLY) return
  git = await startGitServer()
  await git.tag('tool', 'v1.0', await git.commit('tool', TOOL))
  await git.tag('solver', 'v2.1', await git.commit('solver', CMAKE))
  await git.commit('data', { 'data.csv': '1,2\n' })
  const outside = await serveDownloads()
  env = { STILLROOM_GIT_MIRRORS: `https://git.example.org/team/=${git.url}/`, ...outside }
})
afterAll(async () => {
  if (!NIGHTLY) return
  await git.close()
  await downloads.disposeAsync()
  const identical = [...verdicts.values()].filter((verdict) => verdict === 'identical').length
  for (const [sample, verdict] of verdicts) if (verdict !== 'identical') console.warn(`${sample}: ${verdict}`)
  console.warn(`${identical} of ${verdicts.size} adopted Dockerfiles rebuild identically`)
  expect(identical / verdicts.size).toBeGreaterThanOrEqual(SHARE)
})

test.runIf(NIGHTLY).each(BUILT)('%s is built twice', async (sample) => {
  verdicts.set(sample, 'no lock, or no build')
  const directory = await makeProject()
  const name = ownName(sample)
  const dockerfile = join(SAMPLES, sample, 'Dockerfile')
  const adopted = await stillroomJson<AdoptResult>(directory, ['adopt', 'dockerfile', dockerfile, name])
  const recipes = [...new Set(adopted.files.map((file) => file.split('/')[1] ?? ''))]
  onTestFinished(async () => {
    const images = recipes.flatMap((recipe) => [`stillroom/${recipe}`, `stillroom/${recipe}:verify`])
    await execa('docker', ['image', 'rm', '--force', ...images], { reject: false })
  })
  await placeFiles(adopted, directory, dirname(dockerfile))
  await commitAll(directory)
  for (const command of adopted.next) {
    const [, ...args] = command.split(' ')
    if (args.at(-1) === '--twice') {
      const report = await stillroomJson<BuildReport & Partial<Refusal>>(directory, args, { env })
      const { verdict, problem } = report.second ?? { verdict: 'failed', problem: report.error ?? null }
      verdicts.set(sample, problem === null ? verdict : `${verdict}: ${problem.message}`)
      console.warn(
        `${sample}: ${verdict}, audit ${report.audit?.verdict}, ${JSON.stringify(report.second?.difference ?? null).slice(0, 2000)}`,
      )
    } else {
      const { exitCode, stdout, stderr } = await stillroom(directory, args, { env })
      if (exitCode !== 0) verdicts.set(sample, `${command}: ${stdout}${stderr}`)
      expect(exitCode, stdout + stderr).toBe(0)
    }
  }
})

/** What samples download from example.org, by a proxy that leads there; the settings of a client that asks it. */
async function serveDownloads(): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-downloads-'))
  downloads.defer(() => rm(directory, { recursive: true }))
  const authority = await makeAuthority(directory)
  const server = await startFileServer({ tls: await authority.issue(['DNS:example.org']) })
  downloads.defer(() => server.close())
  const proxy = await startConnectProxy({ 'example.org': server.host }, 'reached')
  downloads.defer(() => proxy.close())
  const solver = await makeTar({
    'solver-1.4/Makefile':
      'solver: solver.c\n\tcc -g -O2 -o $@ $<\ninstall: solver\n\tinstall -D solver /usr/local/bin/solver\n',
    'solver-1.4/solver.c': CMAKE['main.c'],
  })
  server.put('/solver-1.4.tar.gz', gzipSync(solver))
  const meshes = join(directory, 'meshes.tar')
  await writeFile(meshes, await makeTar({ 'meshes/wing.msh': '$MeshFormat\n' }))
  await execa('xz', [meshes])
  server.put('/meshes.tar.xz', await readFile(`${meshes}.xz`))
  const zipped = `import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr("data.csv", "1,2\\n")`
  await execa('python3', ['-c', zipped, join(directory, 'data.zip')])
  server.put('/data.zip', await readFile(join(directory, 'data.zip')))
  server.put('/run.sh', Buffer.from('#!/bin/sh\nexec solver\n'))
  server.put('/model.bin', Buffer.alloc(100_000, 'model'))
  server.put('/data.csv', Buffer.from('1,2\n'))
  const submit = { content: '#!/bin/sh\n', mode: 0o755 }
  const spark = await makeTar({ 'spark-3.5.1-bin-hadoop3/bin/spark-submit': submit })
  server.put('/spark-3.5.1-bin-hadoop3.tgz', gzipSync(spark))
  return { HTTPS_PROXY: proxy.url, https_proxy: proxy.url, SSL_CERT_FILE: authority.caFile }
}

/** What the drafts say is to be put beside the recipes. */
async function placeFiles({ name, notes }: AdoptResult, directory: string, context: string): Promise<void> {
  for (const { text } of notes) {
    const [, what = '', to = '', other = name] =
      /^put (.+) into (\S+), beside the recipe.*?(?:\(recipe (\S+)\))?$/.exec(text) ?? []
    if (to === '') continue
    const source = what === 'the build context' ? '.' : what.replace(/^what is in /, '')
    const target = join(directory, 'recipes', other, to)
    const isFile = source === what
    await mkdir(isFile ? target : dirname(target), { recursive: true })
    await cp(join(context, source), isFile ? join(target, source) : target, { recursive: true })
  }
}
