import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import { DRIFT_TITLE, driftIssue, driftMarker } from '../../report/drift-issue.ts'
import type { HistoryRun } from '../../verify/history.ts'
import { readHistory } from '../verify/history-files.ts'
import { Author, askGitHub, type GitHub, listGitHub, ownEntries } from './github.ts'

const Issue = z.object({
  number: z.int(),
  body: z.string().nullable(),
  user: Author,
  pull_request: z.unknown().optional(),
})
type Issue = z.infer<typeof Issue>

export interface IssueChange {
  recipe: string
  change: 'opened' | 'updated' | 'closed' | 'unchanged'
  /** Of the issue; null when there is none and none is needed. */
  number: number | null
}

/**
 * Opens an issue for each recipe whose last verification was not identical, brings an open one up to date, and closes
 * that of a recipe that rebuilds again. One issue a recipe, however often it runs; what others wrote is left alone.
 *
 * @throws {StillroomError} GITHUB_FAILED
 */
export async function syncDriftIssues(gitHub: GitHub, historyDirectory: string): Promise<IssueChange[]> {
  const { history } = await readHistory(historyDirectory)
  const open = (await listGitHub(gitHub, '/issues?state=open&per_page=100')).flatMap((data): Issue[] => {
    const parsed = Issue.safeParse(data)
    return parsed.success && parsed.data.pull_request === undefined ? [parsed.data] : []
  })
  const changes: IssueChange[] = []
  const recipes = [...new Set(history.runs.map((run) => run.recipe))].sort()
  const marked = open.filter(({ body }) => recipes.some((recipe) => body?.includes(driftMarker(recipe))))
  const ours = await ownEntries(gitHub, marked)
  for (const recipe of recipes) {
    const runs = history.runs.filter((run) => run.recipe === recipe)
    const issue = ours.find(({ body }) => body?.includes(driftMarker(recipe)))
    changes.push({ recipe, ...(await sync(gitHub, runs, issue)) })
  }
  return changes
}

async function sync(
  gitHub: GitHub,
  runs: readonly HistoryRun[],
  issue: Issue | undefined,
): Promise<Omit<IssueChange, 'recipe'>> {
  const last = runs.at(-1) as HistoryRun
  const number = issue?.number ?? null
  if (last.verdict === 'identical') {
    if (!issue) return { change: 'unchanged', number }
    const text = `It rebuilds to its lockfile again, as of ${last.at.slice(0, 10)}.`
    await expectStatus(gitHub, 201, 'POST', `/issues/${issue.number}/comments`, { body: text })
    await expectStatus(gitHub, 200, 'PATCH', `/issues/${issue.number}`, { state: 'closed' })
    return { change: 'closed', number }
  }
  const good = runs.findLastIndex(({ verdict }) => verdict === 'identical')
  const body = driftIssue(last, runs[good + 1] as HistoryRun)
  if (!issue) {
    const reply = await expectStatus(gitHub, 201, 'POST', '/issues', {
      title: DRIFT_TITLE(last.recipe),
      body,
    })
    return { change: 'opened', number: Issue.parse(reply).number }
  }
  if (issue.body === body) return { change: 'unchanged', number }
  await expectStatus(gitHub, 200, 'PATCH', `/issues/${issue.number}`, { body })
  return { change: 'updated', number }
}

async function expectStatus(
  gitHub: GitHub,
  status: number,
  method: 'POST' | 'PATCH',
  path: string,
  body: unknown,
): Promise<unknown> {
  const reply = await askGitHub(gitHub, method, path, body)
  if (reply.status === status) return reply.data
  throw new StillroomError(
    'GITHUB_FAILED',
    `GitHub rejected ${method} ${path}: HTTP status ${reply.status}`,
    {
      hint:
        reply.status === 403
          ? 'the job needs "permissions: issues: write"'
          : "see the job's token and repository",
    },
  )
}
