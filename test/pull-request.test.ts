import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { COMMENT_MARKER } from '../src/report/pull-request-comment.ts'
import { askGitHub, gitHubOf } from '../src/workflows/github/github.ts'
import type { PullRequestReport } from '../src/workflows/github/report-pull-request.ts'
import { FakeGitHub, TOKEN } from './support/github.ts'
import { commitAll, copyProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

/** A repository whose last commit is the base of a pull request, and how to run the job of it. */
async function pullRequest() {
  const gitHub = await FakeGitHub.start()
  const { number } = gitHub.open('a pull request')
  const directory = await copyProject('hello')
  await commitAll(directory)
  const { stdout: sha } = await execa('git', ['rev-parse', 'HEAD'], { cwd: directory })
  const event = join(directory, 'node_modules/event.json')
  const summary = join(directory, 'node_modules/summary.md')
  await writeFile(event, JSON.stringify({ pull_request: { number, base: { sha } } }))
  const env = { ...gitHub.env, GITHUB_EVENT_PATH: event, GITHUB_STEP_SUMMARY: summary }
  const report = async (...args: string[]) => {
    await writeFile(summary, '')
    const words = ['report', 'pull-request', '--json', ...args]
    const { stdout, stderr, exitCode } = await stillroom(directory, words, { env })
    const told = await readFile(summary, 'utf8')
    for (const text of [stdout, stderr, told]) expect(text).not.toContain(TOKEN)
    return {
      exitCode,
      summary: told,
      ...(JSON.parse(stdout) as PullRequestReport & { error?: { code: string } }),
    }
  }
  const comments = () => gitHub.issues.find((issue) => issue.number === number)?.comments ?? []
  return { gitHub, directory, env, report, comments }
}

/** Another version of a package that the recipe does not name, as if it had been locked so. */
async function changeLock(directory: string, version: string): Promise<void> {
  const path = join(directory, 'recipes/hello/lock.json')
  const text = await readFile(path, 'utf8')
  const renamed = text.replace(/("name": "python3-wheel", "version": ")[^"]+/, `$1${version}`)
  await writeFile(path, renamed.replace(/python3-wheel_[^_"]+_/, `python3-wheel_${version}_`))
}

describe('report pull-request', () => {
  test('keeps one comment: made, brought up to date, and told when the changes vanish', async () => {
    const { gitHub, directory, report, comments } = await pullRequest()
    expect(await report()).toMatchObject({ comment: 'none', exitCode: 0 })
    expect(comments()).toEqual([])
    // ours is on the second page
    const issue = gitHub.issues[0]
    for (let id = 1000; id < 1120; id += 1) issue?.comments.push({ id, body: 'looks good' })

    await changeLock(directory, '0.30')
    const made = await report()
    expect(made).toMatchObject({ comment: 'created', stale: [{ recipe: 'hello' }], exitCode: 1 })
    expect(comments()).toHaveLength(121)
    const ours = comments().at(-1)
    expect(ours?.body.startsWith(COMMENT_MARKER)).toBe(true)
    expect(ours?.body).toContain('python3-wheel')
    expect(ours?.body).toContain('stillroom generate recipe hello')
    expect(made.summary.trim()).toBe(ours?.body.trim())
    expect(await report()).toMatchObject({ comment: 'unchanged' })

    await changeLock(directory, '0.20')
    expect(await report()).toMatchObject({ comment: 'updated' })
    await execa('git', ['checkout', '--quiet', '.'], { cwd: directory })
    expect(await report()).toMatchObject({ comment: 'updated', exitCode: 0 })
    expect(ours?.body).toBe(`${COMMENT_MARKER}\n### stillroom\nNo lockfile changes.\n`)
    expect(comments()).toHaveLength(121)
  })

  test('from a fork, whose token may only read: the summary has it all', async () => {
    const { gitHub, directory, report, comments } = await pullRequest()
    const body = { message: 'Resource not accessible by integration' }
    gitHub.intervene = (method) => (method === 'GET' ? undefined : { status: 403, body })
    await changeLock(directory, '0.30')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    const result = await report()
    expect(result).toMatchObject({ comment: 'forbidden', stale: [], exitCode: 0 })
    expect(result.summary).toContain('python3-wheel')
    expect(comments()).toEqual([])
  })

  test('with a token that may not even read comments: the summary has it all', async () => {
    const { gitHub, directory, report } = await pullRequest()
    gitHub.intervene = () => ({ status: 403, body: { message: 'Resource not accessible by integration' } })
    await changeLock(directory, '0.30')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    const result = await report()
    expect(result).toMatchObject({ comment: 'forbidden', stale: [], exitCode: 0 })
    expect(result.summary).toContain('python3-wheel')
    expect(gitHub.asked).toHaveLength(1)
  })

  const past = String(Math.floor(Date.now() / 1000) - 10)
  const later = String(Math.floor(Date.now() / 1000) + 3000)
  test.each<[string, number, number, Record<string, string>, string | undefined]>([
    ['an error of the server that passes', 502, 1, {}, 'created'],
    ['an error of the server that stays', 503, 100, {}, undefined],
    ['a secondary rate limit that passes', 429, 1, { 'retry-after': '0' }, 'created'],
    ['one that is told as 403', 403, 1, { 'retry-after': '0' }, 'created'],
    ['one that does not pass', 429, 100, { 'retry-after': '3600' }, undefined],
    [
      'a used up limit that is full again',
      403,
      1,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': past },
      'created',
    ],
    ['a used up limit', 403, 100, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': later }, undefined],
    ['a token that is none', 401, 100, {}, undefined],
  ])('meets %s', async (_, status, times, headers, comment) => {
    const { gitHub, directory, report, comments } = await pullRequest()
    await changeLock(directory, '0.30')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    let left = times
    gitHub.intervene = () => (left-- > 0 ? { status, headers } : undefined)
    const result = await report()
    expect(result.comment).toBe(comment)
    expect(result.exitCode).toBe(comment === undefined ? 3 : 0)
    expect(comments()).toHaveLength(comment === undefined ? 0 : 1)
    expect(result.summary).toContain('python3-wheel')
    if (comment === undefined) expect(result.error?.code).toBe('GITHUB_FAILED')
  })

  test('takes a rate limit that is told in words alone for one, not for a fork', async () => {
    const gitHub = await FakeGitHub.start()
    const body = { message: 'You have exceeded a secondary rate limit. Please wait a few minutes.' }
    gitHub.intervene = () => ({ status: 403, body })
    const client = { ...gitHubOf(gitHub.env, new AbortController().signal), patience: 10 }
    await expect(askGitHub(client, 'POST', '/issues/1/comments', { body: '' })).rejects.toMatchObject({
      code: 'GITHUB_FAILED',
      message: expect.stringMatching(/its rate limit; it asks to wait 60 s, after 1 try$/),
    })
  })

  test('makes one comment though the reply that it was made gets lost', async () => {
    const { gitHub, directory, report, comments } = await pullRequest()
    await changeLock(directory, '0.30')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    gitHub.intervene = (method) => (method === 'POST' ? { status: 502, late: true } : undefined)
    expect(await report()).toMatchObject({ comment: 'created', exitCode: 0 })
    expect(comments()).toHaveLength(1)
  })

  test.each([
    ['quotes', `> ${COMMENT_MARKER}\n> ### stillroom\n\nWhat is this?`],
    ['imitates', `${COMMENT_MARKER}\n### stillroom\nNo lockfile changes.\n`],
  ])("leaves somebody's comment alone that %s its own", async (_, body) => {
    const { gitHub, directory, report, comments } = await pullRequest()
    const other = { id: 1000, body, user: { login: 'somebody' } }
    gitHub.issues[0]?.comments.push({ ...other })
    await changeLock(directory, '0.30')
    expect(await report()).toMatchObject({ comment: 'created' })
    expect(comments()).toEqual([
      other,
      expect.objectContaining({ body: expect.stringContaining('python3-wheel') }),
    ])
    expect(await report()).toMatchObject({ comment: 'unchanged' })
  })

  test("a recipe that reads the token and ends the judge's process is a failure, and the diff is told", async () => {
    const { directory, report, comments } = await pullRequest()
    await changeLock(directory, '0.30')
    await mkdir(join(directory, 'recipes/ends-the-process'), { recursive: true })
    await writeFile(
      join(directory, 'recipes/ends-the-process/recipe.ts'),
      `console.error('the token is:', process.env.GITHUB_TOKEN)\nprocess.exit(0)\nexport default {}\n`,
    )
    const result = await report()
    expect(result).toMatchObject({ exitCode: 1, comment: 'created' })
    expect(result.stale.map(({ recipe }) => recipe)).toEqual(['ends-the-process', 'hello'])
    expect(result.stale[0]?.reasons.join()).toContain('ended without saying what it exports')
    expect(comments()[0]?.body).toContain('python3-wheel')
  })

  test('fails at the level that is asked for', async () => {
    const { directory, report } = await pullRequest()
    await changeLock(directory, '0.20')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    expect(await report('--fail-on', 'rebuild', '--no-comment')).toMatchObject({
      exitCode: 0,
      comment: 'none',
    })
    expect(await report('--fail-on', 'downgrade', '--no-comment')).toMatchObject({ exitCode: 1 })
  })

  test('runs as action.yml runs it, in a project that has not installed stillroom', async () => {
    const { gitHub, directory, comments, env } = await pullRequest()
    await changeLock(directory, '0.20')
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    await rm(join(directory, 'node_modules/stillroom'))
    const root = join(import.meta.dirname, '..')
    const action = await readFile(join(root, 'action.yml'), 'utf8')
    const script = /^ {6}run: \|\n((?: {8}.*\n)+)/m.exec(action)?.[1] ?? 'exit 9'
    const run = (inputs: Record<string, string>) =>
      execa('sh', ['-e', '-c', script], {
        env: { ...env, ...{ ACTION: root, DIRECTORY: directory, FAIL_ON: '', COMMENT: 'true' }, ...inputs },
        reject: false,
      })
    const told = await run({})
    expect(told, told.stderr).toMatchObject({
      exitCode: 0,
      stdout: 'lock changes: downgrade; comment: created',
    })
    expect(comments()).toHaveLength(1)
    expect(await run({ FAIL_ON: 'source', COMMENT: 'false' })).toMatchObject({ exitCode: 0 })
    expect(await run({ FAIL_ON: 'downgrade' })).toMatchObject({
      exitCode: 1,
      stdout: 'lock changes: downgrade; comment: unchanged',
    })
    expect(gitHub.asked.filter((line) => line.startsWith('POST'))).toHaveLength(1)
  })

  test('outside of a pull request says so', async () => {
    const directory = await copyProject('hello')
    const { stderr, exitCode } = await stillroom(directory, ['report', 'pull-request'], {
      env: { GITHUB_EVENT_PATH: '' },
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('not a job for a pull request')
  })
})
