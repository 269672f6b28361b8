import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { HistoryRun } from '../src/verify/history.ts'
import type { IssueChange } from '../src/workflows/github/drift-issues.ts'
import { askGitHub } from '../src/workflows/github/github.ts'
import { FakeGitHub, TOKEN } from './support/github.ts'
import { nightOf } from './support/night.ts'
import { makeProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

const TIME_OF_BUILD = {
  cause: 'timestamp' as const,
  title: 'the time of the build',
  advice: 'leave it out',
  count: 1,
  examples: ['/x`y'],
}

async function addRun(directory: string, recipe: string, day: number, verdict: HistoryRun['verdict']) {
  const causes = verdict === 'different' ? [TIME_OF_BUILD] : []
  await mkdir(join(directory, 'history'), { recursive: true })
  await appendFile(join(directory, 'history/runs.jsonl'), nightOf(day, recipe, verdict, { causes }))
}

describe('report issues', () => {
  test('opens one issue for a recipe that drifts, keeps it up to date, and closes it when it rebuilds', async () => {
    const gitHub = await FakeGitHub.start()
    // ours is on a later page, behind those of people
    for (let i = 0; i < 130; i += 1) gitHub.open(`somebody's issue ${i}`)
    const directory = await makeProject({ 'recipes/.keep': '' })
    const sync = async () => {
      const { stdout, stderr, exitCode } = await stillroom(directory, ['report', 'issues', '--json'], {
        env: gitHub.env,
      })
      expect(stderr + stdout).not.toContain(TOKEN)
      expect(exitCode, stdout).toBe(0)
      return (JSON.parse(stdout) as { issues: IssueChange[] }).issues
    }
    await addRun(directory, 'hello', 20, 'identical')
    await addRun(directory, 'mesh', 20, 'identical')
    expect((await sync()).map(({ change }) => change)).toEqual(['unchanged', 'unchanged'])
    expect(gitHub.issues).toHaveLength(130)

    await addRun(directory, 'hello', 21, 'different')
    expect(await sync()).toMatchObject([
      { recipe: 'hello', change: 'opened', number: 131 },
      { change: 'unchanged' },
    ])
    const issue = gitHub.issues.at(-1)
    expect(issue).toMatchObject({ title: 'Recipe hello does not rebuild to its lockfile', state: 'open' })
    expect(issue?.body).toContain('| since | 2026-11-21 |')
    expect(issue?.body).toContain('the time of the build')
    expect((await sync())[0]).toMatchObject({ change: 'unchanged', number: 131 })

    await addRun(directory, 'hello', 22, 'failed')
    expect((await sync())[0]).toMatchObject({ change: 'updated', number: 131 })
    expect(issue?.body).toMatch(/\| since \| 2026-11-21 \|\n\| last seen \| 2026-11-22 \|/)

    await addRun(directory, 'hello', 23, 'identical')
    expect((await sync())[0]).toMatchObject({ change: 'closed', number: 131 })
    expect(issue).toMatchObject({
      state: 'closed',
      comments: [{ body: expect.stringContaining('2026-11-23') }],
    })
    expect(gitHub.issues).toHaveLength(131)
  })

  test("leaves somebody's issue alone that has its mark", async () => {
    const gitHub = await FakeGitHub.start()
    const directory = await makeProject()
    await addRun(directory, 'hello', 21, 'different')
    const theirs = gitHub.open('<!-- stillroom:drift:hello -->\nnothing to see here')
    const { stdout } = await stillroom(directory, ['report', 'issues', '--json'], { env: gitHub.env })
    expect(JSON.parse(stdout)).toMatchObject({ issues: [{ recipe: 'hello', change: 'opened', number: 2 }] })
    expect(theirs).toMatchObject({ state: 'open', body: expect.stringContaining('nothing to see') })
    await addRun(directory, 'hello', 22, 'identical')
    const later = await stillroom(directory, ['report', 'issues', '--json'], { env: gitHub.env })
    expect(JSON.parse(later.stdout)).toMatchObject({ issues: [{ change: 'closed', number: 2 }] })
    expect(theirs.state).toBe('open')
  })

  test("knows an app's own issue by asking whose the token is", async () => {
    const gitHub = await FakeGitHub.start({ login: 'our-app[bot]' })
    const directory = await makeProject()
    await addRun(directory, 'hello', 21, 'different')
    const sync = async () =>
      JSON.parse((await stillroom(directory, ['report', 'issues', '--json'], { env: gitHub.env })).stdout)
    expect(await sync()).toMatchObject({ issues: [{ change: 'opened', number: 1 }] })
    expect(await sync()).toMatchObject({ issues: [{ change: 'unchanged', number: 1 }] })
    expect(gitHub.issues).toHaveLength(1)
  })

  test('without permission says which one the job needs', async () => {
    const gitHub = await FakeGitHub.start()
    gitHub.intervene = (method) => (method === 'POST' ? { status: 403 } : undefined)
    const directory = await makeProject()
    await addRun(directory, 'hello', 21, 'different')
    const { stderr, exitCode } = await stillroom(directory, ['report', 'issues'], { env: gitHub.env })
    expect(exitCode).toBe(3)
    expect(stderr).toContain('permissions: issues: write')
    expect(stderr).not.toContain(TOKEN)
  })
})

describe('askGitHub()', () => {
  async function ask(intervene: FakeGitHub['intervene'], patience?: number) {
    const gitHub = await FakeGitHub.start()
    gitHub.intervene = intervene
    const { GITHUB_API_URL: api = '', GITHUB_REPOSITORY: repository = '' } = gitHub.env
    const options = { api, repository, token: TOKEN, signal: new AbortController().signal, backoff: 1 }
    const answer = askGitHub(
      { ...options, ...(patience === undefined ? {} : { patience }) },
      'GET',
      '/issues?state=open',
    )
    return { gitHub, answer }
  }

  test('tries again after errors of the server, and gives up in the end', async () => {
    let left = 2
    const twice = await ask(() => (left-- > 0 ? { status: 502 } : undefined))
    expect(await twice.answer).toMatchObject({ status: 200, data: [] })
    expect(twice.gitHub.asked).toHaveLength(3)
    const always = await ask(() => ({ status: 503 }))
    await expect(always.answer).rejects.toMatchObject({
      code: 'GITHUB_FAILED',
      message: expect.stringContaining('503'),
    })
    expect(always.gitHub.asked).toHaveLength(4)
  })

  test('waits as long as a rate limit says, and not longer than it is patient', async () => {
    let left = 1
    const soon = await ask(() => (left-- > 0 ? { status: 429, headers: { 'retry-after': '0' } } : undefined))
    expect(await soon.answer).toMatchObject({ status: 200 })
    const reset = String(Math.ceil(Date.now() / 1000) + 3600)
    const late = await ask(
      () => ({
        status: 403,
        headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
      }),
      1000,
    )
    await expect(late.answer).rejects.toMatchObject({
      message: expect.stringMatching(/rate limit; it asks to wait 3\d{3} s/),
    })
    expect(late.gitHub.asked).toHaveLength(1)
  })

  test("goes to no other host with the token, whatever a reply's links say", async () => {
    const gitHub = await FakeGitHub.start()
    const { GITHUB_API_URL: api = '', GITHUB_REPOSITORY: repository = '' } = gitHub.env
    const options = { api, repository, token: TOKEN, signal: new AbortController().signal }
    await expect(askGitHub(options, 'GET', 'https://elsewhere.invalid/repos')).rejects.toMatchObject({
      code: 'GITHUB_FAILED',
      message: expect.stringContaining('leads away'),
    })
  })
})
