import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { archiveServices } from '../../src/resolve/debian/archive-services.ts'
import { type AptArchive, startAptArchive } from './apt-archive.ts'
import { type Authority, LOOPBACK_NAMES, makeAuthority } from './certificates.ts'
import { writeClientSettings } from './client-settings.ts'
import { archiveStates, distributions, fillRepositories, MESH, tinyImage } from './contents.ts'
import { type FaultProxy, startFaults } from './fault-proxy.ts'
import { type FileServer, startFileServer } from './file-server.ts'
import { type GitServer, startGitServer } from './git-server.ts'
import { type Login, secretForms } from './login.ts'
import { type Moves, makeMoves } from './moves.ts'
import { type PackageIndex, startIndex } from './package-index.ts'
import { type Registry, startRegistry } from './registry.ts'

/** The servers that a recipe's inputs come from, on 127.0.0.1, each behind a fault injector. */
export interface World {
  /** What signs every certificate here. */
  authority: Authority
  logins: Record<'registry' | 'git' | 'index', Login>
  /** What must be found nowhere: passwords, also as they are encoded. */
  secrets: string[]
  /** What the servers themselves have; clients talk to `front`. */
  registry: Registry
  git: GitServer
  apt: AptArchive
  index: PackageIndex
  files: FileServer
  /**
   * Where clients go: `front.git.url`, and `front.git.on(...)` for faults. `apt` has `/debian` and `/debian-security`,
   * `snapshot` the same archives in earlier states below `/archive`.
   */
  front: Record<'registry' | 'git' | 'apt' | 'snapshot' | 'index' | 'files', FaultProxy>
  /** One more front before one of the servers, gone with the world. */
  startFront(server: { url: string }): Promise<FaultProxy>
  /** The commit of each repository's main branch, as the world begins. */
  commits: Readonly<Record<string, string>>
  /** Variables by which stillroom, git, pip and docker talk to these servers and no others. */
  env: Record<string, string>
  /** What happens to sources in the course of years. */
  move: Moves
  close(): Promise<void>
}

export interface WorldOptions {
  /** How the registry asks for its login. */
  registryLogin?: 'basic' | 'token'
  /** The environment that tests run in. */
  env?: NodeJS.ProcessEnv
}

/** Starts all servers and fills them with small contents (contents.ts); takes about a second. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { registryLogin: kind = 'token', env = process.env } = options
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-world-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  async function kept<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const server = await starting
    closers.push(() => server.close())
    return server
  }

  try {
    const authority = await makeAuthority(join(directory, 'authority'))
    const { ca, caFile } = authority
    const services = Object.values(await archiveServices()).map((url) => `DNS:${new URL(url).host}`)
    const tls = await authority.issue([...LOOPBACK_NAMES, ...services])
    const logins = { registry: makeLogin('registry'), git: makeLogin('git'), index: makeLogin('index') }
    const registry = await kept(startRegistry({ tls, ca, login: { ...logins.registry, kind } }))
    const git = await kept(startGitServer({ tls, login: logins.git }))
    const apt = await kept(startAptArchive(await archiveStates(), { tls }))
    const index = await kept(startIndex({ tls, login: logins.index }))
    const files = await kept(startFileServer({ tls }))
    const startFront = (server: { url: string }) => kept(startFaults(server.url, { tls, ca }))
    const front = {
      registry: await startFront(registry),
      git: await startFront(git),
      apt: await startFront(apt),
      snapshot: await startFront(apt),
      index: await startFront(index),
      files: await startFront(files),
    }
    const places = {
      caFile,
      registry: { host: front.registry.host, login: logins.registry },
      git: { host: front.git.host, login: logins.git },
      index: { host: front.index.host, login: logins.index },
      apt: front.apt,
      snapshot: front.snapshot,
    }
    const settings = await writeClientSettings(directory, places, env.DOCKER_CONFIG)
    const [commits] = await Promise.all([
      fillRepositories(git),
      registry.push(await tinyImage('1.0'), 'team/tiny', '1.0'),
    ])
    index.add(...(await distributions()))
    files.put('/data/mesh.txt', MESH)
    const move = makeMoves({ registry, git, apt, index, files })
    const secrets = Object.values(logins).flatMap(secretForms)
    const servers = { registry, git, apt, index, files }
    return { authority, logins, secrets, ...servers, front, startFront, commits, env: settings, move, close }
  } catch (error) {
    await close()
    throw error
  }
}

function makeLogin(name: string): Login {
  return { user: `${name}-user`, password: `${name}-${randomBytes(12).toString('hex')}` }
}
