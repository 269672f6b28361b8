import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { StillroomError } from '../../error.ts'
import { uncompressed } from '../../formats/decompress.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { tarMembers } from '../../formats/tar/tar-members.ts'
import { ask, fetchFailed } from '../../net/http-get.ts'
import { type HttpTarget, httpRequest, Unreachable } from '../../net/http-request.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { DEFAULT_TIMING } from '../../net/retry.ts'
import { type GitRunner, runGit, runLocalGit } from './run-git.ts'

/** An archive of the world's commits, by their ids. */
export interface CommitArchive {
  /** Root of a service as Software Heritage's: `api/1/vault/git-bare/SWHID/` lies below. May carry a login. */
  url: string
  ca: string | undefined
  /** Is told of each commit that came from there. */
  onUse?: (swhid: string) => void
  /** Milliseconds before the archive is asked the first time whether it is ready. 1000 by default. */
  pause?: number | undefined
}

/** The name of a commit for archives (SWHID, ISO/IEC 18670); a commit of SHA-256 has none. */
export function commitSwhid(commit: string): string | undefined {
  return commit.length === 40 ? `swh:1:rev:${commit}` : undefined
}

const LONGEST_PAUSE = 30_000
/** A large history takes minutes to be put together. */
const PATIENCE = 30 * 60_000

/**
 * Brings a commit with all that it holds from an archive of commits into a bare repository. Objects are taken and
 * nothing else: no configuration, no hook, no ref. They are to be verified against their ids.
 *
 * @returns whether the archive has the commit
 * @throws {StillroomError} FETCH_FAILED; GIT_FETCH_FAILED when git can't read what came
 */
export async function fetchFromArchive(
  directory: string,
  commit: string,
  archive: CommitArchive,
  runner: GitRunner,
): Promise<boolean> {
  const swhid = commitSwhid(commit)
  if (swhid === undefined) return false
  const { headers = {}, url } = splitUserinfo<HttpTarget>({ url: archive.url, ca: archive.ca })
  const at = (path: string): HttpTarget => ({ url: path, headers, ca: archive.ca })
  const bundle = await cook(at(`${url.replace(/\/+$/, '')}/api/1/vault/git-bare/${swhid}/`), archive, runner)
  if (bundle === undefined) return false
  try {
    await unpackObjects(at(bundle), directory, runner)
  } catch (error) {
    throw error instanceof Unreachable ? fetchFailed(bundle, error.message) : error
  }
  await runGit(runner, ['-C', directory, 'cat-file', '-e', `${commit}^{commit}`]).catch(() => {
    throw fetchFailed(bundle, `it does not hold the commit ${commit}`)
  })
  archive.onUse?.(swhid)
  return true
}

/** Has a bundle put together, and waits for it; its address, or undefined when the archive lacks the commit. */
async function cook(
  target: HttpTarget,
  { pause = 1000 }: CommitArchive,
  { signal }: GitRunner,
): Promise<string | undefined> {
  const end = performance.now() + PATIENCE
  for (let [method, wait] = ['POST' as 'GET' | 'POST', pause]; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    const answer = await ask(target, { signal, method, limit: 1 << 20 }).catch((error) => {
      throw error instanceof Unreachable ? fetchFailed(target.url, error.message) : error
    })
    if (answer.status === 404) return undefined
    const said = (tryJson(Buffer.from(answer.body).toString('utf8')) ?? {}) as Record<string, unknown>
    if (answer.status !== 200 || typeof said['status'] !== 'string')
      throw fetchFailed(target.url, `HTTP status ${answer.status}, expected the state of a bundle`)
    if (said['status'] === 'done') {
      const { fetch_url: bundle } = said
      return new URL(typeof bundle === 'string' ? bundle : 'raw/', target.url).href
    }
    if (said['status'] === 'failed' || performance.now() > end)
      throw fetchFailed(target.url, `the bundle is not ready: ${said['progress_message'] ?? said['status']}`)
    await delay(wait, undefined, { signal })
    method = 'GET'
  }
}

/** Of POSIX, and of the first tars. */
const FILE = new Set(['0', '\0'])
const LOOSE = /(?:^|\/)objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/
const PACK = /(?:^|\/)objects\/pack\/(pack-[0-9a-f]{40}\.pack)$/

async function unpackObjects(target: HttpTarget, directory: string, runner: GitRunner): Promise<void> {
  const options = { signal: runner.signal, stall: DEFAULT_TIMING.stall }
  const packs: string[] = []
  await httpRequest(target, options, async ({ status, body }) => {
    if (status !== 200) throw new Unreachable(`HTTP status ${status}`, true)
    // what is too much shows on the disk
    const limit = { received: () => {}, unpacked: () => {} }
    for await (const { member, content } of tarMembers(uncompressed(body, limit))) {
      const [, head, rest] = LOOSE.exec(member.name) ?? []
      const [, pack] = PACK.exec(member.name) ?? []
      const name = pack === undefined ? (head ? `${head}/${rest}` : undefined) : `pack/${pack}`
      if (name === undefined || !FILE.has(member.flag)) continue
      const path = join(directory, 'objects', name)
      await mkdir(dirname(path), { recursive: true })
      await pipeline(content, createWriteStream(path))
      if (pack !== undefined) packs.push(path)
    }
  }).catch((error: unknown) => {
    // a tar that can't be read is no image here
    if (error instanceof StillroomError && error.code === 'IMAGE_INVALID')
      throw fetchFailed(target.url, `it is not a tar archive: ${error.message}`)
    throw error
  })
  // its own index: none is taken from elsewhere
  for (const path of packs) await runLocalGit(runner, ['-C', directory, 'index-pack', path])
}
