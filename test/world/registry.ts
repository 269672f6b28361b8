import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { hash } from 'bcryptjs'
import { execa } from 'execa'
import type { Certificate } from './certificates.ts'
import { debianProgram } from './debian-program.ts'
import type { Login } from './login.ts'
import type { OciImage } from './oci-image.ts'
import { registryClient } from './registry-client.ts'
import { startTokenServer, type TokenServer } from './token-server.ts'

export interface RegistryOptions {
  tls?: Certificate
  /** The authority of `tls`, PEM. */
  ca?: string
  /** `basic`: the password with each request (htpasswd). `token`: for a token, as the public registries want it. */
  login?: Login & { kind?: 'basic' | 'token' }
}

export interface Registry {
  /** Without slash at the end. */
  url: string
  /** What an image reference begins with: `127.0.0.1:PORT`. */
  host: string
  /** Pushes an image by the registry's own API, and gives the digest that the registry has it by. */
  push(image: OciImage, repository: string, tag: string): Promise<string>
  /** Forgets a manifest, with all tags of it. */
  remove(repository: string, digest: string): Promise<void>
  close(): Promise<void>
}

/** Starts Debian's docker-registry on the loopback interface, with an empty storage. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { tls, ca, login } = options
  const program = await debianProgram('docker-registry', 'usr/bin/docker-registry')
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-registry-'))
  const tokens = login?.kind === 'token' ? await startTokenServer(login, directory, tls) : undefined
  const configuration = {
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'data') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: '127.0.0.1:0',
      // so that what it says holds behind a proxy too
      relativeurls: true,
      ...(tls === undefined ? {} : { tls: await writeCertificate(directory, tls) }),
    },
    compatibility: { schema1: { enabled: true } },
    ...(await loginSettings(directory, login, tokens)),
  }
  const file = join(directory, 'config.yml')
  // JSON is YAML
  await writeFile(file, JSON.stringify(configuration))
  const server = execa(program, ['serve', file], {
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    reject: false,
  })
  const host = await Promise.race([
    listening(server.stderr),
    once(server, 'exit').then(() => {
      throw new Error('docker-registry ended before it listened')
    }),
  ])
  const url = `${tls === undefined ? 'http' : 'https'}://${host}`
  const client = registryClient(url, { ca, login, tokens: tokens?.url })
  return {
    url,
    host,
    ...client,
    close: async () => {
      server.kill('SIGKILL')
      await server
      await tokens?.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The address, from what the server logs; the rest of its log is read and dropped, or it would stand still. */
async function listening(log: Readable): Promise<string> {
  const lines = createInterface({ input: log })
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const host = /"msg":"listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (host !== undefined) resolve(host)
    })
  })
}

async function writeCertificate(directory: string, { cert, key }: Certificate) {
  const files = { certificate: join(directory, 'server.pem'), key: join(directory, 'server.key') }
  await writeFile(files.certificate, cert)
  await writeFile(files.key, key)
  return files
}

async function loginSettings(directory: string, login: Login | undefined, tokens: TokenServer | undefined) {
  if (login === undefined) return {}
  if (tokens !== undefined) return { auth: { token: tokens.settings } }
  const path = join(directory, 'htpasswd')
  await writeFile(path, `${login.user}:${await hash(login.password, 4)}\n`)
  return { auth: { htpasswd: { realm: 'stillroom test registry', path } } }
}
