import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { admit, type Login } from './login.ts'
import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'
import { runCgi } from './run-cgi.ts'

/** A text or bytes; `commit` is a submodule's. */
export type GitContent = string | Uint8Array | { executable: string } | { link: string } | { commit: string }

export interface CommitOptions {
  branch?: string
  /** Begins a history of its own on the branch: a force-push of something else. */
  again?: boolean
  message?: string
}

/** git over smart HTTP, by git's own http-backend. */
export interface GitServer {
  /** Without slash at the end; a repository is at `URL/NAME.git`. */
  url: string
  host: string
  /** Commits these files, and no others, to a branch; makes the repository when there is none. Gives the commit. */
  commit(name: string, files: Readonly<Record<string, GitContent>>, options?: CommitOptions): Promise<string>
  tag(name: string, tag: string, commit: string): Promise<void>
  /** Throws away what no branch or tag leads to, as hosts do some weeks after a force-push. */
  prune(name: string): Promise<void>
  remove(name: string): Promise<void>
  /** A tar of the bare repository, as an archive of commits gives it. */
  bundle(name: string): Promise<Buffer>
  /** Takes the content of a file into git-lfs's keeping, and gives the pointer to commit. */
  keepLarge(bytes: Uint8Array): string
  close(): Promise<void>
}

/** 2024-01-01T00:00:00Z: commits have the same names in each run. */
const PERSON = 'Test <test@example.org> 1704067200 +0000'

export interface GitServerOptions extends ServerOptions {
  login?: Login
  /** Is given each request. */
  onRequest?: (request: IncomingMessage) => void
}

export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-git-'))
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const large = new Map<string, Uint8Array>()
  const directory = (name: string) => join(root, `${name}.git`)
  const git = (name: string, args: string[], input: Uint8Array = Buffer.alloc(0)) =>
    execa('git', ['-C', directory(name), ...args], { env, input })

  const server = await startLoopbackServer((request, response) => {
    options.onRequest?.(request)
    if (!admit(request, response, options.login)) return
    if (answerLarge(request, response, large)) return
    runCgi(request, response, {
      command: ['git', 'http-backend'],
      env: { ...env, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1' },
    })
  }, options)

  return {
    url: server.url,
    host: server.host,
    commit: async (name, files, { branch = 'main', again = false, message = 'test' } = {}) => {
      const fresh = !existsSync(directory(name))
      if (fresh) await execa('git', ['init', '--quiet', '--bare', '-b', 'main', directory(name)], { env })
      const ref = `refs/heads/${branch}`
      const present = await git(name, ['for-each-ref', ref])
      const parent = again || present.stdout === '' ? undefined : `${ref}^0`
      const stream = importStream(ref, parent, message, files)
      await git(name, ['fast-import', '--quiet', '--force'], stream)
      return (await git(name, ['rev-parse', ref])).stdout
    },
    tag: async (name, tag, commit) => {
      await git(name, ['tag', '--force', tag, commit])
    },
    prune: async (name) => {
      await git(name, ['gc', '--quiet', '--prune=now'])
    },
    remove: (name) => rm(directory(name), { recursive: true }),
    bundle: async (name) => {
      const tar = await execa('tar', ['-c', '-C', root, `${name}.git`], { encoding: 'buffer' })
      return Buffer.from(tar.stdout)
    },
    keepLarge: (bytes) => {
      const oid = createHash('sha256').update(bytes).digest('hex')
      large.set(oid, bytes)
      return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`
    },
    close: async () => {
      await server.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** git-fast-import(1). */
function importStream(
  ref: string,
  parent: string | undefined,
  message: string,
  files: Readonly<Record<string, GitContent>>,
): Buffer {
  const parts = [Buffer.from(`commit ${ref}\ncommitter ${PERSON}\n`), data(message)]
  if (parent === undefined) parts.unshift(Buffer.from(`reset ${ref}\n`))
  else parts.push(Buffer.from(`from ${parent}\n`))
  parts.push(Buffer.from('deleteall\n'))
  for (const [path, content] of Object.entries(files)) {
    const [mode, bytes] = modeOf(content)
    if (mode === '160000') parts.push(Buffer.from(`M 160000 ${bytes} ${path}\n`))
    else parts.push(Buffer.from(`M ${mode} inline ${path}\n`), data(bytes))
  }
  return Buffer.concat(parts)
}

function modeOf(content: GitContent): [mode: string, bytes: string | Uint8Array] {
  if (typeof content === 'string' || content instanceof Uint8Array) return ['100644', content]
  if ('executable' in content) return ['100755', content.executable]
  if ('link' in content) return ['120000', content.link]
  return ['160000', content.commit]
}

function data(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as Uint8Array)
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')])
}

/** git-lfs's batch API, for downloads alone: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
function answerLarge(
  request: IncomingMessage,
  response: ServerResponse,
  large: ReadonlyMap<string, Uint8Array>,
): boolean {
  const path = request.url ?? ''
  const oid = /^\/lfs\/([0-9a-f]{64})$/.exec(path)?.[1]
  if (oid !== undefined) {
    const bytes = large.get(oid)
    response.writeHead(bytes === undefined ? 404 : 200, { 'content-length': bytes?.length ?? 0 }).end(bytes)
    return true
  }
  if (!path.endsWith('/info/lfs/objects/batch')) return false
  answerBatch(request, response, large).catch((error) => response.destroy(error))
  return true
}

async function answerBatch(
  request: IncomingMessage,
  response: ServerResponse,
  large: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const body: Buffer[] = []
  for await (const chunk of request) body.push(chunk)
  const { objects } = JSON.parse(Buffer.concat(body).toString()) as {
    objects: { oid: string; size: number }[]
  }
  const forwarded = request.headers['x-forwarded-proto'] ?? ('encrypted' in request.socket ? 'https' : 'http')
  const answers = objects.map(({ oid, size }) =>
    large.has(oid)
      ? { oid, size, actions: { download: { href: `${forwarded}://${request.headers.host}/lfs/${oid}` } } }
      : { oid, size, error: { code: 404, message: 'Object does not exist' } },
  )
  response
    .writeHead(200, { 'content-type': 'application/vnd.git-lfs+json' })
    .end(JSON.stringify({ transfer: 'basic', objects: answers }))
}
