import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commandLine } from './support/stillroom.ts'
import { ask } from './world/ask.ts'
import { makeBaseImage } from './world/base-image.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { makeAuthority } from './world/certificates.ts'
import { EXPERIMENT, LEARNING } from './world/contents.ts'
import { unavailable, wrongBytes } from './world/faults.ts'
import { basicAuthorization } from './world/login.ts'
import { composeSchema1 } from './world/schema1-image.ts'
import { startWorld, type World } from './world/world.ts'

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: the loopback world, since ${possible}`)

let world: World
let directory: string

beforeAll(async () => {
  if (possible !== true) return
  world = await startWorld()
  directory = await mkdtemp(join(tmpdir(), 'stillroom-clients-'))
})
afterAll(async () => {
  await world?.close()
  if (directory !== undefined) await rm(directory, { recursive: true, force: true })
})
beforeEach(() => {
  for (const front of Object.values(world?.front ?? {})) front.clear()
})

const run = (program: string, args: string[], env: Record<string, string> = {}) =>
  execa(program, args, {
    env: { ...world.env, LC_ALL: 'C', ...env },
    stdin: 'ignore',
    all: true,
    reject: false,
  })

/** A manifest as the registry gives it to whoever knows the password. */
async function pull(repository: string, reference: string) {
  const { ca } = world.authority
  const { origin } = new URL(world.front.registry.url)
  const path = `${origin}/v2/${repository}/manifests/${reference}`
  const challenge = String((await ask(path, { ca })).headers['www-authenticate'])
  const [, realm] = /realm="([^"]+)"/.exec(challenge) ?? []
  const login = { authorization: basicAuthorization(world.logins.registry) }
  const granted = await ask(`${realm}?scope=repository:${repository}:pull`, { ca, headers: login })
  const { token } = JSON.parse(granted.body.toString())
  const headers = { authorization: `Bearer ${token}`, accept: MANIFESTS.join(', ') }
  const answer = await ask(path, { ca, headers })
  const digest = String(answer.headers['docker-content-digest'])
  return { status: answer.status, type: answer.headers['content-type'], digest, body: answer.body }
}

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
]

describe.skipIf(possible !== true)('git', () => {
  it('clones with the login of its credential helper, and not without', async () => {
    const url = `${world.front.git.url}/${LEARNING}.git`
    const clone = await run('git', [
      'clone',
      '--quiet',
      '--recurse-submodules',
      url,
      join(directory, 'clone'),
    ])
    expect(clone).toMatchObject({ exitCode: 0, all: '' })
    const head = await run('git', ['-C', join(directory, 'clone'), 'rev-parse', 'HEAD', '0.4.2^{commit}'])
    expect(head.stdout.split('\n')).toEqual([world.commits[LEARNING], world.commits[LEARNING]])
    expect(await readFile(join(directory, 'clone/agents/agents.json'), 'utf8')).toBe('["ppo", "dqn"]\n')

    const stranger = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'credential.helper', GIT_CONFIG_VALUE_0: '' }
    const refused = await run('git', ['ls-remote', url], stranger)
    expect(refused.exitCode).toBe(128)
  })

  it('fetches one commit by its name', async () => {
    const bare = join(directory, 'one.git')
    await run('git', ['init', '--quiet', '--bare', bare])
    const url = `${world.front.git.url}/${EXPERIMENT}.git`
    const commit = world.commits[EXPERIMENT] as string
    expect(await run('git', ['-C', bare, 'fetch', '--quiet', '--depth=1', url, commit])).toMatchObject({
      exitCode: 0,
    })
    const files = await run('git', ['-C', bare, 'ls-tree', '-r', '--name-only', commit])
    expect(files.stdout.split('\n')).toEqual(['data/values.csv', 'train.py'])
  })

  it('gives the content of large files as git-lfs asks for it', async () => {
    const pointer = await run('git', ['-C', join(directory, 'clone'), 'show', 'HEAD:weights.bin'])
    const [, oid, size] = /oid sha256:(\w+)\nsize (\d+)/.exec(pointer.stdout) ?? []
    const headers = { authorization: basicAuthorization(world.logins.git) }
    const { ca } = world.authority
    const batch = await ask(`${world.front.git.url}/${LEARNING}.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers,
      ca,
      body: Buffer.from(JSON.stringify({ operation: 'download', objects: [{ oid, size: Number(size) }] })),
    })
    const [object] = JSON.parse(batch.body.toString()).objects
    expect(object.actions.download.href.startsWith(`${world.front.git.url}/`)).toBe(true)
    const { body } = await ask(object.actions.download.href, { headers, ca })
    expect(createHash('sha256').update(body).digest('hex')).toBe(oid)
  })
})

describe.skipIf(possible !== true)('pip', () => {
  const pip = (args: string[], into: string) =>
    run('python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--dest',
      into,
      ...args,
    ])

  it.each(['html', 'json'] as const)(
    'downloads a wheel and builds a source distribution, from %s',
    async (form) => {
      world.index.speak(form)
      const into = join(directory, form)
      const { exitCode, all } = await pip(['--no-cache-dir', 'tiny-plots'], into)
      expect(all).toBe('')
      expect(exitCode).toBe(0)
      const names = await run('ls', [into])
      expect(names.stdout.split('\n')).toEqual(['tiny_numbers-1.1-py3-none-any.whl', 'tiny_plots-0.3.tar.gz'])
      world.index.speak('both')
    },
  )

  it('notices a wheel whose bytes changed on the way', async () => {
    world.front.index.on(/\.whl$/, wrongBytes)
    const { exitCode, all } = await pip(['--no-cache-dir', 'tiny-numbers==1.0'], join(directory, 'wrong'))
    expect(exitCode).toBe(1)
    expect(all).toContain('DO NOT MATCH THE HASHES')
  })
})

describe.skipIf(possible !== true)('apt', () => {
  /** apt with nothing but this archive, in directories of its own. */
  const apt = async (root: string, ...args: string[]) => {
    const base = join(directory, 'apt', root.replaceAll(/\W/g, '-'))
    await mkdir(join(base, 'lists/partial'), { recursive: true })
    await mkdir(join(base, 'cache/archives/partial'), { recursive: true })
    await writeFile(join(base, 'key.asc'), world.apt.key)
    await writeFile(
      join(base, 'sources.list'),
      `deb [signed-by=${join(base, 'key.asc')}] ${root} bookworm main\n`,
    )
    await writeFile(join(base, 'status'), '')
    const options = {
      'Dir::Etc::SourceList': join(base, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': join(base, 'lists'),
      'Dir::State::Status': join(base, 'status'),
      'Dir::Cache': join(base, 'cache'),
      'Acquire::https::CaInfo': world.env.SSL_CERT_FILE,
      'Acquire::Languages': 'none',
      'APT::Architecture': 'amd64',
      'APT::Sandbox::User': 'root',
    }
    const set = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    return execa('apt-get', [...set, ...args], {
      cwd: base,
      env: { LC_ALL: 'C' },
      stdin: 'ignore',
      all: true,
      reject: false,
    })
  }

  it('verifies the archive, plans an installation and downloads a package', async () => {
    const root = `${world.front.apt.url}/debian`
    const update = await apt(root, 'update', '-q')
    expect(update.all).not.toMatch(/^(W|E|Err):/m)
    expect(update.exitCode).toBe(0)
    const plan = await apt(root, 'install', '--simulate', 'widget')
    expect(plan.stdout).toMatch(/^Inst gadget \(1\.0 .*\nInst widget \(1\.0 /m)
    const download = await apt(root, 'download', 'widget')
    expect(download).toMatchObject({ exitCode: 0 })
    const file = join(directory, 'apt', root.replaceAll(/\W/g, '-'), 'widget_1.0_all.deb')
    const contents = await run('dpkg-deb', ['--fsys-tarfile', file])
    expect(contents.exitCode).toBe(0)
    expect(contents.stdout).toContain('echo widget 1.0')
  })

  it('has the old state as a snapshot when the live archive has moved on', async () => {
    world.move.packageUpdated()
    const live = `${world.front.apt.url}/debian`
    await apt(live, 'update', '-q')
    expect((await apt(live, 'install', '--simulate', 'widget')).stdout).toContain('Inst widget (1.1 ')
    const old = `${world.front.snapshot.url}/archive/debian/20240301T000000Z`
    expect((await apt(old, 'update', '-q')).exitCode).toBe(0)
    expect((await apt(old, 'install', '--simulate', 'widget')).stdout).toContain('Inst widget (1.0 ')
    world.apt.show(0)
  })
})

describe.skipIf(possible !== true)('registry', () => {
  const tag = () => `${world.front.registry.host}/team/tiny:1.0`

  it('gives an image to Docker, which logs in by its configuration', async () => {
    await run('docker', ['image', 'rm', tag()])
    const { exitCode, all } = await run('docker', ['pull', '--quiet', tag()])
    expect(all).toBe(tag())
    expect(exitCode).toBe(0)
    const shown = await run('docker', ['image', 'inspect', '--format', '{{json .Config.Entrypoint}}', tag()])
    expect(shown.stdout).toBe('["/bin/sh"]')
    await run('docker', ['image', 'rm', tag()])
  })

  it('has a base image as FEniCS makes them', async () => {
    const present = await run('docker', ['image', 'inspect', 'stillroom/hello'])
    if (present.failed) {
      const root = join(import.meta.dirname, '..')
      await execa(process.execPath, [commandLine(), 'build', 'recipe', 'hello'], { cwd: root })
    }
    const base = await makeBaseImage({ key: world.apt.key })
    const reference = `${world.front.registry.host}/fenicsproject/stable:2019.1.0`
    try {
      await world.registry.push(base.image, 'fenicsproject/stable', '2019.1.0')
    } finally {
      await base.remove()
    }
    const script =
      'id -un; pwd; pip3 --version | cut -c1-10; ls /home /usr/share/doc; test -e /etc/apt/sources.list'
    const { exitCode, all } = await run('docker', ['run', '--rm', '--quiet', reference, 'sh', '-c', script])
    expect(all?.split('\n')).toEqual([
      'fenics',
      '/home/fenics/shared',
      'pip 20.3.4',
      '/home:',
      'fenics',
      '',
      '/usr/share/doc:',
      'README',
    ])
    expect(exitCode).toBe(0)
    await run('docker', ['image', 'rm', reference])
  })

  it('keeps an image in the form of before 2016', async () => {
    const image = await composeSchema1({ name: 'team/ancient', tag: '1', layers: [Buffer.alloc(1024)] })
    await world.registry.push(image, 'team/ancient', '1')
    const { type, digest, body } = await pull('team/ancient', '1')
    expect({ type, digest }).toEqual({ type: image.mediaType, digest: image.digest })
    // the registry writes the signatures again
    const { signatures: _signatures, ...manifest } = JSON.parse(Buffer.from(image.bytes).toString())
    expect(JSON.parse(body.toString())).toMatchObject(manifest)
  })

  it('tells a stranger where tokens are to be had', async () => {
    const answer = await ask(`${world.front.registry.url}/v2/team/tiny/manifests/1.0`, {
      ca: world.authority.ca,
    })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="https:\/\/127\.0\.0\.1:\d+\/token",service=/,
    )
  })
})

describe.skipIf(possible !== true)('when the world moves', () => {
  it('has another image under the same tag, and the old one by its digest', async () => {
    const old = await pull('team/tiny', '1.0')
    const now = await world.move.tagPushedAgain()
    expect((await pull('team/tiny', '1.0')).digest).toBe(now)
    expect(await pull('team/tiny', old.digest)).toEqual(old)
    await world.move.imageGone('team/tiny', old.digest)
    expect(await pull('team/tiny', old.digest)).toMatchObject({ status: 404 })
  })

  it('has a branch that was force-pushed, without its old commit; then no repository', async () => {
    const url = `${world.front.git.url}/${LEARNING}.git`
    const bare = join(directory, 'moved.git')
    await run('git', ['init', '--quiet', '--bare', bare])
    const fetch = (commit: string) => run('git', ['-C', bare, 'fetch', '--quiet', '--depth=1', url, commit])
    const old = world.commits[LEARNING] as string
    expect(await fetch(old)).toMatchObject({ exitCode: 0 })
    const now = await world.move.branchForcePushed()
    await rm(bare, { recursive: true })
    await run('git', ['init', '--quiet', '--bare', bare])
    expect((await fetch(old)).all).toContain('not our ref')
    expect(await fetch(now)).toMatchObject({ exitCode: 0 })
    await world.move.repositoryGone(LEARNING)
    expect((await run('git', ['ls-remote', url])).all).toMatch(/not found/)
  })

  it('has another wheel of the same name, and another download at the same address', async () => {
    const page = async () => {
      const headers = { authorization: basicAuthorization(world.logins.index) }
      const { body } = await ask(`${world.index.url}/simple/tiny-numbers/`, {
        headers,
        ca: world.authority.ca,
      })
      return body.toString()
    }
    const before = await page()
    world.move.wheelReplaced()
    const after = await page()
    expect(after).not.toBe(before)
    expect(after.replaceAll(/[0-9a-f]{64}/g, '')).toBe(before.replaceAll(/[0-9a-f]{64}/g, ''))
    world.move.wheelGone('tiny_numbers-1.1-py3-none-any.whl')
    expect(await page()).not.toContain('tiny_numbers-1.1')
    world.move.fileReplaced('/data/mesh.txt')
    const { body } = await ask(`${world.files.url}/data/mesh.txt`, { ca: world.authority.ca })
    expect(body.toString()).toBe('replaced\n')
  })
})

describe.skipIf(possible !== true)('a fault', () => {
  it('stays at the path it is meant for', async () => {
    const { ca } = world.authority
    world.front.files.on('/data/mesh.txt', unavailable)
    expect((await ask(`${world.front.files.url}/data/mesh.txt`, { ca })).status).toBe(503)
    world.front.files.clear()
    expect((await ask(`${world.front.files.url}/data/mesh.txt`, { ca })).status).toBe(200)
  })

  it('can be a certificate of nobody', async () => {
    const { ca } = world.authority
    const stranger = await makeAuthority(join(directory, 'stranger'))
    const before = await world.authority.issue(['IP:127.0.0.1'])
    world.front.files.showCertificate(await stranger.issue(['IP:127.0.0.1']))
    await expect(ask(`${world.front.files.url}/data/mesh.txt`, { ca })).rejects.toThrow('certificate')
    world.front.files.showCertificate(before)
    expect((await ask(`${world.front.files.url}/data/mesh.txt`, { ca })).status).toBe(200)
  })
})
