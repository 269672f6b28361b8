import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { execa } from 'execa'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { sha256, tarOf } from '../src/image/image-archive.test-data.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import type { PublishResult } from '../src/workflows/publish/publish-recipe.ts'
import type { PushStoreResult } from '../src/workflows/store/push-store.ts'
import { containerTools } from './support/container-tools.ts'
import { COSIGN } from './support/cosign.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { canHaveGoProgram, goProgram } from './support/go-program.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { failure, stillroom, stillroomJson } from './support/stillroom.ts'
import { ask } from './world/ask.ts'
import { startFaults } from './world/fault-proxy.ts'
import { wrongBytes } from './world/faults.ts'
import { basicAuthorization } from './world/login.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { startRegistry } from './world/registry.ts'

/*
 * The image of hello goes to a registry (Debian's docker-registry), and comes back from it.
 */

const engines = NIGHTLY ? await canHaveEngines() : 'it is left to the nightly tests'
if (engines !== true) console.warn(`skipped: publishing from both image stores, since ${engines}`)

const NAME = ownName('publish-test')
const LOGIN = { user: 'me', password: 'correct-horse-battery' }

beforeAll(async () => {
  await stillroomJson(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
})

/** What Docker knows of a registry's login, in a directory of the project. */
async function dockerLogin(directory: string, host: string): Promise<Record<string, string>> {
  const config = join(directory, 'docker')
  await mkdir(config, { recursive: true })
  const auth = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }))
  return { DOCKER_CONFIG: config }
}

const lockOf = async (directory: string, name = 'hello') =>
  JSON.parse(await readFile(join(directory, `recipes/${name}/lock.json`), 'utf8'))

test('publish recipe pushes the locked image, once, and the lockfile names it; docker pulls it', async () => {
  const registry = await startRegistry({ login: { ...LOGIN, kind: 'basic' } })
  onTestFinished(() => registry.close())
  const directory = await copyProject('hello')
  const reference = `${registry.host}/team/hello:1`
  const publish = ['publish', 'recipe', 'hello', `docker://${reference}`]

  expect(await failure(directory, publish)).toMatchObject({ exitCode: 3, code: 'REGISTRY_LOGIN_REFUSED' })

  const env = await dockerLogin(directory, registry.host)
  const first = await stillroomJson<PublishResult>(directory, publish, { env })
  expect(first).toMatchObject({ recipe: 'hello', reference, noted: true })
  expect(first.sent.blobs).toBeGreaterThan(1)
  const { image } = (await lockOf(directory)).platforms['linux/amd64']
  expect(image).toMatchObject({ id: first.image, published: { reference, manifest: first.manifest } })
  // the lockfile is not stale from it
  expect(await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'])).toMatchObject({
    unchanged: true,
  })

  const again = await stillroom(directory, publish, { env })
  expect(again.stdout, again.stderr).toContain('sent      nothing')
  expect(again.stdout).toContain(first.manifest)
  expect(again.stdout).not.toContain('lockfile')
  expect(`${again.stdout}${again.stderr}`).not.toContain(LOGIN.password)

  const read = async (path: string) => {
    const url = `${registry.url}/v2/team/hello/${path}`
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'
    const { body } = await ask(url, { headers: { accept, authorization: basicAuthorization(LOGIN) } })
    return body
  }
  const list = JSON.parse(String(await read(`manifests/${first.manifest.replace(':', '-')}`)))
  expect(list.manifests).toHaveLength(first.attached.length)
  const [entry] = list.manifests
  const referrer = JSON.parse(String(await read(`manifests/${entry.digest}`)))
  expect(referrer).toMatchObject({ subject: { digest: first.manifest }, artifactType: entry.artifactType })
  const lock = String(await read(`blobs/${referrer.layers[0].digest}`))
  expect(lock).toBe(await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8'))

  const audit = async (...args: string[]) => {
    const { stdout } = await stillroom(directory, [...args, '--json'], { env })
    const { image: audited, trust: _, ...report } = JSON.parse(stdout) as AuditReport
    return { ...report, image: { ...audited, reference: '' } }
  }
  const fromRegistry = await audit(
    'audit',
    'image',
    `docker://${reference}`,
    '--lock',
    'recipes/hello/lock.json',
  )
  expect(fromRegistry).toEqual(await audit('audit', 'recipe', 'hello'))

  const pulled = `${registry.host}/team/hello@${first.manifest}`
  onTestFinished(async () => void (await execa('docker', ['image', 'rm', pulled], { reject: false })))
  await execa('docker', ['login', registry.host, '--username', LOGIN.user, '--password-stdin'], {
    env,
    input: LOGIN.password,
  })
  await execa('docker', ['pull', '--quiet', pulled], { env })
  const { stdout } = await execa('docker', ['image', 'inspect', '--format', '{{.Id}}', pulled])
  expect(stdout).toBe(first.image)
})

test('build recipe takes the image from where it was published, or builds it and says why', async () => {
  const registry = await startRegistry()
  onTestFinished(() => registry.close())
  const faults = await startFaults(registry.url)
  onTestFinished(() => faults.close())
  const directory = await copyRenamed()
  const reference = `${faults.host}/team/hello:1`
  const remove = () => execa('docker', ['image', 'rm', `stillroom/${NAME}`], { reject: false })
  onTestFinished(async () => void (await remove()))
  const build = async (...args: string[]) => {
    await remove()
    const { stdout, stderr } = await stillroom(directory, ['build', 'recipe', NAME, '--json', ...args])
    return { ...(JSON.parse(stdout) as BuildReport), stderr }
  }
  expect(await build()).toMatchObject({ fetched: null, verdict: 'identical' })
  const { image, manifest } = await stillroomJson<PublishResult>(directory, [
    ...['publish', 'recipe', NAME, reference],
  ])

  faults.clear()
  const fetched = await build()
  expect(fetched).toMatchObject({ fetched: reference, verdict: 'identical', image: { id: image } })
  expect(fetched.checks.every(({ passed }) => passed)).toBe(true)
  expect(fetched.audit).toMatchObject({ verdict: 'clean' })
  // the engine has the layers, those of hello
  const blobs = faults.seen.map(({ path }) => path).filter((path) => path.includes('/blobs/'))
  expect(blobs).toEqual([`/v2/team/hello/blobs/${image}`])
  expect(await build('--from-source')).toMatchObject({ fetched: null, verdict: 'identical' })

  // the other faults are in push.test.ts
  faults.on(`/v2/team/hello/manifests/${manifest}`, wrongBytes)
  const built = await build('--no-audit')
  expect(built).toMatchObject({ fetched: null, verdict: 'identical', image: { id: image } })
  const notes = built.stderr.split('\n').filter((line) => line.includes('but built'))
  expect(notes).toHaveLength(1)
  expect(notes[0]).toContain(`expected ${manifest}, got sha256:`)
  await faults.close()
  const offline = await build('--no-audit')
  expect(offline).toMatchObject({ fetched: null, verdict: 'identical' })
  expect(offline.stderr).toContain(`not taken from ${reference}, but built: `)
})

/** Publishes the manifest that a lockfile names with another lowest layer, and makes the lockfile name that. */
async function publishSwapped(registry: string, path: string): Promise<void> {
  const lock = await readFile(path, 'utf8')
  const { published } = parseLock(lock, path).platforms['linux/amd64']?.image ?? {}
  if (!published) throw new Error('the lockfile names no published image')
  const repository = `${registry}/v2/${published.reference.replace(/^[^/]*\//, '').replace(/:[^:/]*$/, '')}`
  const accept = { accept: 'application/vnd.oci.image.manifest.v1+json' }
  const manifest = await (
    await fetch(`${repository}/manifests/${published.manifest}`, { headers: accept })
  ).json()
  const layer = zstdCompressSync(await tarOf([{ name: 'data', content: 'another' }]))
  const digest = digestOf(layer)
  const { headers } = await fetch(`${repository}/blobs/uploads/`, { method: 'POST' })
  const upload = new URL(headers.get('location') ?? '', registry)
  upload.searchParams.set('digest', digest)
  expect((await fetch(upload, { method: 'PUT', body: layer })).status).toBe(201)
  manifest.layers[0] = { ...manifest.layers[0], digest, size: layer.length }
  const body = JSON.stringify(manifest)
  const put = await fetch(`${repository}/manifests/${digestOf(Buffer.from(body))}`, {
    ...{ method: 'PUT', body },
    headers: { 'content-type': manifest.mediaType },
  })
  expect(put.status).toBe(201)
  await writeFile(path, lock.replace(published.manifest, digestOf(Buffer.from(body))))
}

const digestOf = (bytes: Buffer) => `sha256:${sha256(bytes)}`

/** The recipe hello under another name, so that its image can be taken away. */
async function copyRenamed(): Promise<string> {
  const directory = await copyProject('hello')
  await rename(join(directory, 'recipes/hello'), join(directory, 'recipes', NAME))
  await rm(join(directory, 'generated'), { recursive: true })
  const path = join(directory, 'recipes', NAME, 'lock.json')
  const text = await readFile(path, 'utf8')
  await writeFile(
    path,
    text.replace('"recipe": "hello"', `"recipe": "${NAME}"`).replace(/,\s*"archive": \{[^}]*\}/, ''),
  )
  const { exitCode, stderr } = await stillroom(directory, ['generate', 'recipe', NAME])
  expect(exitCode, stderr).toBe(0)
  return directory
}

test.skipIf(engines !== true)(
  'the manifest is the same from both image stores, new engines of either fetch it, and skopeo, podman and cosign take it',
  async ({ skip }) => {
    const registry = await startRegistry()
    onTestFinished(() => registry.close())
    const publish = (directory: string, tag: string, env: Record<string, string>) =>
      stillroomJson<PublishResult>(
        directory,
        ['publish', 'recipe', 'hello', `${registry.host}/team/hello:${tag}`, '--key', 'key.pem'],
        { env },
      )
    const build = (directory: string, env: Record<string, string>, ...args: string[]) =>
      stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello', ...args], { env })
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const project = async () => {
      const directory = await copyProject('hello')
      await writeFile(join(directory, 'key.pem'), privateKey)
      await writeFile(join(directory, 'key.pub'), publicKey)
      return directory
    }
    const here = await project()
    const { manifest, image } = await publish(here, 'here', {})
    const sums: string[] = []
    for (const store of ['overlay2', 'containerd'] as const) {
      const { env, purge } = await startEngine(ownName(`pub-${store}`), store)
      onTestFinished(purge)
      const there = await project()
      const built = await build(there, env)
      expect(built).toMatchObject({ fetched: null, verdict: 'identical', image: { id: image } })
      expect(await publish(there, store, env)).toMatchObject({ manifest, sent: { blobs: 0 } })
      await execa('docker', ['image', 'rm', 'stillroom/hello'], { env })
      const fetched = await build(there, env)
      expect(fetched).toMatchObject({ verdict: 'identical', image: { id: image } })
      expect(fetched.fetched).toBe(`${registry.host}/team/hello:${store}`)
      await publishSwapped(registry.url, join(there, 'recipes/hello/lock.json'))
      await execa('docker', ['image', 'rm', 'stillroom/hello'], { env })
      // a layer that the builder has is not read
      await execa('docker', ['builder', 'prune', '--all', '--force'], { env })
      const swapped = await stillroom(there, ['build', 'recipe', 'hello', '--no-audit', '--json'], { env })
      expect(JSON.parse(swapped.stdout)).toMatchObject({ fetched: null, verdict: 'identical' })
      expect(swapped.stderr).toMatch(/not taken from .*, but built: .*(invalid diffID|another image)/)
      const seconds = ({ stages }: BuildReport) => stages.reduce((sum, each) => sum + each.seconds, 0)
      sums.push(
        `${store}: built in ${seconds(built).toFixed(1)} s, fetched in ${seconds(fetched).toFixed(1)} s`,
      )
    }
    console.log(sums.join('\n'))

    const reference = `${registry.host}/team/hello@${manifest}`
    const tools = await containerTools()
    if (typeof tools === 'string') return skip(`podman and skopeo are not to be had: ${tools}`)
    const raw = await tools.skopeo('inspect', '--tls-verify=false', '--raw', `docker://${reference}`)
    expect(`sha256:${createHash('sha256').update(raw).digest('hex')}`).toBe(manifest)
    expect(await tools.podman('pull', '--quiet', '--tls-verify=false', reference)).toBe(image.slice(7))

    const possible = await canHaveGoProgram(COSIGN)
    if (possible !== true) return skip(`the signature is not verified by cosign: ${possible}`)
    const verify = [
      'verify',
      '--key',
      'key.pub',
      '--insecure-ignore-tlog=true',
      '--output',
      'json',
      reference,
    ]
    const { stdout } = await execa(await goProgram(COSIGN), verify, { cwd: here })
    expect(JSON.parse(stdout)).toHaveLength(1)
  },
)

test.runIf(NIGHTLY)(
  'a machine with nothing builds from the artifacts in a registry, with all mirrors cut',
  async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.close())
    const nothing = await startLoopbackServer((_request, response) => void response.writeHead(404).end())
    onTestFinished(() => nothing.close())
    const directory = await copyRenamed()
    const store = `${registry.host}/team/store`
    await stillroomJson<PushStoreResult>(directory, ['store', 'push', store])
    const cut = {
      STILLROOM_CACHE: await temporaryDirectory(),
      STILLROOM_DEBIAN: `${nothing.url}/debian`,
      STILLROOM_DEBIAN_SECURITY: `${nothing.url}/debian-security`,
      PIP_INDEX_URL: `${nothing.url}/simple`,
    }
    const build = ['build', 'recipe', NAME, '--no-cache']
    expect(await failure(directory, build, { env: cut })).toMatchObject({ code: 'ARTIFACT_GONE' })
    const env = { ...cut, STILLROOM_STORE: store }
    onTestFinished(
      async () => void (await execa('docker', ['image', 'rm', `stillroom/${NAME}`], { reject: false })),
    )
    expect(await stillroomJson<BuildReport>(directory, build, { env })).toMatchObject({
      verdict: 'identical',
      fetched: null,
      audit: { verdict: 'clean' },
    })
  },
)
