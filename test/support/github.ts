import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface FakeIssue {
  number: number
  title: string
  body: string
  state: 'open' | 'closed'
  /** Whoever wrote it. */
  user?: { login: string }
  comments: { id: number; body: string; user?: { login: string } }[]
}

/**
 * Decides an answer before the stand-in does; undefined leaves it to the stand-in. With `late` the stand-in does what it
 * is asked, and only its answer is replaced.
 */
export type Intervene = (
  method: string,
  path: string,
) => { status: number; headers?: Record<string, string>; body?: unknown; late?: boolean } | undefined

export const TOKEN = 'ghs_averysecrettoken'
/** Whose a job's own token is. */
const BOT = { login: 'github-actions[bot]' }

/**
 * Speaks as much of GitHub's REST API (2022-11-28) as issues and their comments need, with its status codes: 401
 * without the token, 404 for what isn't there, 201 for what is made, pages of `per_page` with a Link header.
 */
export class FakeGitHub {
  readonly issues: FakeIssue[] = []
  /** Every request, as `METHOD /path`. */
  readonly asked: string[] = []
  intervene: Intervene = () => undefined
  #url = ''
  #account = BOT
  #next = 1

  /** @param account whose token it is */
  static async start(account = BOT): Promise<FakeGitHub> {
    const gitHub = new FakeGitHub()
    gitHub.#account = account
    const server = createServer((request, response) => {
      gitHub.#answer(request, response).catch((error) => response.destroy(error))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    gitHub.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return gitHub
  }

  get env(): Record<string, string> {
    return { GITHUB_API_URL: this.#url, GITHUB_REPOSITORY: 'team/recipes', GITHUB_TOKEN: TOKEN }
  }

  open(body: string, title = 'an issue', user = { login: 'somebody' }): FakeIssue {
    const issue: FakeIssue = { number: this.#next++, title, body, user, state: 'open', comments: [] }
    this.issues.push(issue)
    return issue
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#url)
    const method = request.method ?? ''
    this.asked.push(`${method} ${url.pathname}`)
    let text = ''
    for await (const chunk of request) text += chunk
    const forced = this.intervene(method, url.pathname)
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      response.end(JSON.stringify(body))
    }
    const force = () => answer(forced?.status ?? 0, forced?.body ?? { message: 'forced' }, forced?.headers)
    if (forced && !forced.late) return force()
    const send: typeof answer = forced ? force : answer
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return send(401, { message: 'Bad credentials' })
    if (url.pathname === '/graphql' && method === 'POST') {
      const isAsked = (JSON.parse(text) as { query?: string }).query === '{ viewer { login } }'
      return isAsked
        ? send(200, { data: { viewer: this.#account } })
        : send(200, { errors: [{ message: 'unknown' }] })
    }
    const [, rest] = /^\/repos\/team\/recipes(\/.*)$/.exec(url.pathname) ?? []
    const [, number, comments, comment] =
      /^\/issues(?:\/(\d+))?(\/comments)?(?:\/(\d+))?$/.exec(rest ?? '') ?? ([] as (string | undefined)[])
    if (rest === undefined || !/^\/issues/.test(rest)) return send(404, { message: 'Not Found' })
    const body = text === '' ? {} : (JSON.parse(text) as Partial<FakeIssue>)
    const onlyComment = /^\/issues\/comments\/(\d+)$/.exec(rest)?.[1]
    if (onlyComment !== undefined && method === 'PATCH') {
      const found = this.issues
        .flatMap((issue) => issue.comments)
        .find(({ id }) => id === Number(onlyComment))
      if (!found) return send(404, { message: 'Not Found' })
      return send(200, Object.assign(found, { body: body.body }))
    }
    if (number === undefined && method === 'GET') {
      return this.#page(
        url,
        this.issues.filter(({ state }) => state === url.searchParams.get('state')),
        send,
      )
    }
    if (number === undefined && method === 'POST')
      return send(201, this.open(body.body ?? '', body.title, this.#account))
    const issue = this.issues.find((each) => each.number === Number(number))
    if (!issue || comment !== undefined) return send(404, { message: 'Not Found' })
    if (comments && method === 'GET') return this.#page(url, issue.comments, send)
    if (comments && method === 'POST') {
      const made = { id: this.#next++, body: body.body ?? '', user: this.#account }
      issue.comments.push(made)
      return send(201, made)
    }
    if (method === 'PATCH') return send(200, Object.assign(issue, body))
    return send(404, { message: 'Not Found' })
  }

  #page(
    url: URL,
    entries: readonly unknown[],
    send: (status: number, body: unknown, headers?: Record<string, string>) => void,
  ): void {
    const size = Number(url.searchParams.get('per_page') ?? 30)
    const page = Number(url.searchParams.get('page') ?? 1)
    const rest = entries.slice((page - 1) * size)
    const next = new URL(url)
    next.searchParams.set('page', String(page + 1))
    const link = rest.length > size ? { link: `<${next.href}>; rel="next"` } : {}
    send(200, rest.slice(0, size), link)
  }
}
