import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import { type Answer, ask } from '../../net/http-get.ts'
import { Unreachable } from '../../net/http-request.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { LfsObject } from './lfs-pointer.ts'
import { askGit, type GitRunner } from './run-git.ts'

/** Where an object's content may be had. */
export interface LfsDownload extends LfsObject {
  url: string
  /** With a login: for this URL's host alone. */
  headers: Record<string, string>
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
const Batch = z.object({
  objects: z.array(
    z.object({
      oid: z.string(),
      actions: z
        .object({
          download: z
            .object({
              href: z.string().regex(/^https?:\/\//),
              header: z.record(z.string(), z.string()).optional(),
            })
            .optional(),
        })
        .optional(),
      error: z.object({ code: z.number(), message: z.string() }).optional(),
    }),
  ),
})

const TYPE = 'application/vnd.git-lfs+json'
/** What servers take at once. */
const BATCH = 100

export interface LfsOptions extends GitRunner {
  /** Certificates (PEM) to trust besides the machine's own. */
  ca: string | undefined
}

/**
 * Asks a repository's LFS server where objects are, with the login that git's own credential helpers have for it.
 *
 * @throws {StillroomError} GIT_LFS_GONE when the server has not all of them; GIT_LOGIN_REFUSED, GIT_FETCH_FAILED
 */
export async function locateLfs(
  repository: string,
  objects: readonly LfsObject[],
  options: LfsOptions,
): Promise<LfsDownload[]> {
  const endpoint = lfsEndpoint(repository)
  if (endpoint === undefined) {
    throw new StillroomError('GIT_FETCH_FAILED', `there is no git-lfs server for ${redactUrl(repository)}`, {
      hint: 'files that git-lfs keeps can be had over https:// or ssh://',
    })
  }
  const found: LfsDownload[] = []
  let authorization: string | undefined
  for (let at = 0; at < objects.length; at += BATCH) {
    const wanted = objects.slice(at, at + BATCH)
    let reply = await post(endpoint, wanted, authorization, options)
    if (reply.status === 401 && authorization === undefined) {
      authorization = await askCredential(endpoint, options)
      if (authorization !== undefined) reply = await post(endpoint, wanted, authorization, options)
    }
    if (reply.status !== 200) throw refused(repository, reply.status)
    for (const { oid, actions, error } of parseBatch(repository, reply.body).objects) {
      const object = wanted.find((one) => one.oid === oid)
      if (object === undefined) continue
      if (error || !actions?.download) throw gone(repository, oid, error?.message ?? 'no download')
      const { href, header = {} } = actions.download
      const ours = authorization !== undefined && new URL(href).origin === new URL(endpoint).origin
      const login = ours && !Object.keys(header).some((name) => name.toLowerCase() === 'authorization')
      found.push({
        ...object,
        url: href,
        headers: { ...header, ...(login ? { authorization } : {}) } as Record<string, string>,
      })
    }
  }
  const missing = objects.find(({ oid }) => !found.some((one) => one.oid === oid))
  if (missing) throw gone(repository, missing.oid, 'not in its answer')
  return found
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md; ssh's is the same host's over https. */
export function lfsEndpoint(repository: string): string | undefined {
  const [, host, path] =
    /^ssh:\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/(.*)$/.exec(repository) ??
    /^[^/@:]+@([^/:]+):\/?(.*)$/.exec(repository) ??
    []
  const web = host === undefined ? repository : `https://${host}/${path}`
  if (!/^https?:/.test(web)) return undefined
  const base = web.replace(/\/+$/, '')
  return `${base.endsWith('.git') ? base : `${base}.git`}/info/lfs`
}

async function post(
  endpoint: string,
  objects: readonly LfsObject[],
  authorization: string | undefined,
  { ca, signal }: LfsOptions,
): Promise<Answer> {
  const headers = { accept: TYPE, 'content-type': TYPE, ...(authorization ? { authorization } : {}) }
  const body = JSON.stringify({ operation: 'download', transfers: ['basic'], objects, hash_algo: 'sha256' })
  return ask({ url: `${endpoint}/objects/batch`, ca, headers }, { signal, method: 'POST', body }).catch(
    (error) => {
      if (!(error instanceof Unreachable)) throw error
      throw new StillroomError(
        'GIT_FETCH_FAILED',
        `cannot ask ${redactUrl(endpoint)} for files: ${error.message}`,
      )
    },
  )
}

/** gitcredentials(7): what the user's helpers have. */
async function askCredential(endpoint: string, runner: GitRunner): Promise<string | undefined> {
  const { protocol, host, pathname } = new URL(endpoint)
  const question = `protocol=${protocol.slice(0, -1)}\nhost=${host}\npath=${pathname.slice(1)}\n\n`
  const answer = await askGit(runner, ['credential', 'fill'], question)
  if (typeof answer !== 'string') return undefined
  const user = /^username=(.*)$/m.exec(answer)?.[1]
  const password = /^password=(.*)$/m.exec(answer)?.[1]
  if (user === undefined || password === undefined) return undefined
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function parseBatch(repository: string, body: Uint8Array): z.infer<typeof Batch> {
  try {
    return Batch.parse(JSON.parse(Buffer.from(body).toString()))
  } catch {
    throw new StillroomError(
      'GIT_FETCH_FAILED',
      `the git-lfs server of ${redactUrl(repository)} gave a response that is not of its API`,
    )
  }
}

function refused(repository: string, status: number): StillroomError {
  const message = `the git-lfs server of ${redactUrl(repository)} answers with HTTP ${status}`
  if (status !== 401 && status !== 403) return new StillroomError('GIT_FETCH_FAILED', message)
  return new StillroomError('GIT_LOGIN_REFUSED', message, {
    hint: 'log in as for git clone (credential helper, GIT_ASKPASS), or set STILLROOM_GIT_TOKENS="https://HOST/=TOKEN"',
  })
}

function gone(repository: string, oid: string, reason: string): StillroomError {
  return new StillroomError(
    'GIT_LFS_GONE',
    `the git-lfs server of ${redactUrl(repository)} has no content with sha256 ${oid}: ${redactUrl(reason)}`,
    { hint: 'push it from a clone that has it: git lfs push --all REMOTE' },
  )
}
