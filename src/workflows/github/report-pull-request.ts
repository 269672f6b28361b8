import { appendFile, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import type { LockDiff } from '../../lock/diff/schema.ts'
import {
  COMMENT_MARKER,
  isWorthReporting,
  pullRequestComment,
  type StaleRecipe,
} from '../../report/pull-request-comment.ts'
import { askGit, gitRunner } from '../../resolve/git/run-git.ts'
import { diffLock } from '../lock/diff-lock.ts'
import { findStale } from '../lock/find-stale.ts'
import type { Environment, Reporting, Repository } from '../ports.ts'
import { importForeignRecipes } from '../project/import-foreign-recipe.ts'
import { Author, askGitHub, type GitHub, gitHubOf, listGitHub, ownEntries } from './github.ts'

const Event = z.object({ pull_request: z.object({ number: z.int(), base: z.object({ sha: z.string() }) }) })
const Comment = z.object({ id: z.int(), body: z.string().nullable(), user: Author })
type Comment = z.infer<typeof Comment>

export interface PullRequestReport {
  diff: LockDiff
  stale: StaleRecipe[]
  /**
   * `forbidden`: the token may not write, as for a pull request from a fork; the summary has it all. `none`: there was
   * nothing to tell, or no comment was asked for.
   */
  comment: 'created' | 'updated' | 'unchanged' | 'forbidden' | 'none'
}

/**
 * Tells a pull request what it does to the locks: one comment, found again by its marker and its author, and the job's
 * summary. The diff of the locks needs no recipe; to tell what is stale, each recipe is loaded in a process of its own,
 * without the job's credentials.
 *
 * @throws {StillroomError} USAGE outside of such a job; REVISION_UNKNOWN when the base is not in a shallow clone;
 *   LOCK_*, GITHUB_FAILED
 */
export async function reportPullRequest(
  ports: Repository & Reporting,
  options: { comment: boolean },
): Promise<PullRequestReport> {
  const { env, signal, progress } = ports
  const { number, base } = await pullRequestOf(env)
  progress({ kind: 'stage', title: 'changes of the locks' })
  const diff = await diffLock(ports, { base: await mergeBase(ports, base) })
  progress({ kind: 'stage', title: 'locks and build contexts' })
  const stale = await findStale(ports, importForeignRecipes(ports))
  const body = pullRequestComment(diff, stale)
  if (env.GITHUB_STEP_SUMMARY) await appendFile(env.GITHUB_STEP_SUMMARY, `${body}\n`)
  if (!options.comment) return { diff, stale, comment: 'none' }
  progress({ kind: 'stage', title: 'comment' })
  const comment = await upsert(gitHubOf(env, signal), number, body, isWorthReporting(diff, stale))
  return { diff, stale, comment }
}

async function pullRequestOf(env: Environment['env']): Promise<{ number: number; base: string }> {
  const path = env.GITHUB_EVENT_PATH
  const text = path ? await readFile(path, 'utf8').catch(() => undefined) : undefined
  const parsed = Event.safeParse(text === undefined ? undefined : JSON.parse(text))
  if (parsed.success) {
    const { number, base } = parsed.data.pull_request
    return { number, base: base.sha }
  }
  throw new StillroomError(
    'USAGE',
    'this is not a job for a pull request: GITHUB_EVENT_PATH names no such event',
    {
      hint: 'run it in a job of GitHub Actions with `on: pull_request`; elsewhere, `stillroom diff lock` says the same',
    },
  )
}

/** Changes that the base got meanwhile are none of the pull request's. */
async function mergeBase(ports: Repository, base: string): Promise<string> {
  const found = await askGit(gitRunner(ports), ['-C', ports.directory, 'merge-base', base, 'HEAD'])
  // a shallow clone lacks it: then the base itself is compared with, or the error names it
  return typeof found === 'string' ? found : base
}

async function upsert(
  gitHub: GitHub,
  number: number,
  body: string,
  worthTelling: boolean,
): Promise<PullRequestReport['comment']> {
  const path = `/issues/${number}/comments`
  let ours: Comment | undefined
  try {
    ours = await findOurs(gitHub, path)
  } catch (error) {
    if (error instanceof StillroomError && isForbidden(error.details?.status)) return 'forbidden'
    throw error
  }
  if (ours?.body === body) return 'unchanged'
  if (!ours && !worthTelling) return 'none'
  /** A comment may be there though the reply that it was made has got lost: two would stay two for ever. */
  const made = async () =>
    (await findOurs(gitHub, path)) ? { status: 201, data: null, next: undefined } : undefined
  const reply = ours
    ? await askGitHub(gitHub, 'PATCH', `/issues/comments/${ours.id}`, { body })
    : await askGitHub(gitHub, 'POST', path, { body }, made)
  if (isForbidden(reply.status)) return 'forbidden'
  if (reply.status === 200) return 'updated'
  if (reply.status === 201) return 'created'
  throw new StillroomError('GITHUB_FAILED', `GitHub rejected the comment: HTTP status ${reply.status}`, {
    hint: 'see the job and its token; the summary of the job has what the comment would say',
  })
}

/** Written by the token's own account, and begun by the marker: one that quotes it, or imitates it, is somebody else's. */
async function findOurs(gitHub: GitHub, path: string): Promise<Comment | undefined> {
  const comments = await listGitHub(gitHub, `${path}?per_page=100`)
  const marked = comments
    .flatMap((data) => Comment.safeParse(data).data ?? [])
    .filter(({ body }) => body?.startsWith(COMMENT_MARKER))
  return (await ownEntries(gitHub, marked))[0]
}

/** What GitHub says to a token that may not. */
function isForbidden(status: unknown): boolean {
  return status === 403 || status === 404
}
