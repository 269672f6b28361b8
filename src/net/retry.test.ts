import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as fault from '../store/testing/fault-server.ts'
import { ask, createGet } from './http-get.ts'
import { Unreachable } from './http-request.ts'
import {
  type Attempt,
  createHttpOrigins,
  parseRetryAfter,
  type Retry,
  retryOf,
  withRetries,
} from './retry.ts'

const NOW = Date.parse('2024-01-01T00:00:00Z')
const IN_A_MINUTE = 'Mon, 01 Jan 2024 00:01:00 GMT'

test.each<[string, number | undefined]>([
  ['120', 120_000],
  [' 7 ', 7000],
  [IN_A_MINUTE, 60_000],
  ['Mon, 01 Jan 2001 00:00:00 GMT', 0],
  ['soon', undefined],
  ['-5 apples', undefined],
])('parseRetryAfter(%j) is %j', (value, expected) => {
  expect(parseRetryAfter(value, NOW)).toBe(expected)
})

test.each<[number, string | undefined, Retry]>([
  [200, undefined, 'no'],
  [206, undefined, 'no'],
  [304, undefined, 'no'],
  [400, undefined, 'no'],
  [401, undefined, 'no'],
  [403, undefined, 'no'],
  [403, '1', 'no'],
  [404, undefined, 'no'],
  [408, undefined, 'later'],
  [410, undefined, 'no'],
  [416, undefined, 'no'],
  [425, undefined, 'later'],
  [429, undefined, 'later'],
  [429, '3', { after: 3000 }],
  [429, 'soon', 'later'],
  [500, undefined, 'later'],
  [502, undefined, 'later'],
  [503, IN_A_MINUTE, { after: 60_000 }],
  [504, undefined, 'later'],
])('retryOf() of status %j with Retry-After %j is %j', (status, retryAfter, expected) => {
  expect(
    retryOf({ status, header: (name) => (name === 'retry-after' ? retryAfter : undefined) }, NOW),
  ).toEqual(expected)
})

const { signal } = new AbortController()
const timing = { retries: 3, backoff: 1, retryAfterCap: 20, stall: 20_000 }

describe('withRetries()', () => {
  /** How often is tried when each try ends so, and what a file has received by then. */
  async function tries(retry: Retry, received = (_tried: number) => 0, origins = createHttpOrigins()) {
    let tried = 0
    const attempt = async (): Promise<Attempt<never, number>> => ({ failure: ++tried, retry })
    const options = { signal, timing, origins, received: () => received(tried) }
    expect(await withRetries('http://a.example.org/', attempt, options)).toEqual({ failure: tried })
    return tried
  }

  test('tries once, or as often as retries and restarts allow', async () => {
    expect(await tries('no')).toBe(1)
    expect(await tries('later')).toBe(4)
    expect(await tries({ after: 3_600_000 })).toBe(4)
    expect(await tries('again')).toBe(3 + 4)
  })

  test('counts again when a mebibyte has come, and only then', async () => {
    expect(await tries('later', (tried) => Math.min(tried, 5) << 20)).toBe(5 + 3)
    expect(await tries('later', (tried) => Math.min(tried, 5) << 10)).toBe(4)
  })

  test('does not retry a server that never answered before, until it does', async () => {
    const origins = createHttpOrigins()
    expect(await tries('later', undefined, origins)).toBe(4)
    expect(await tries('later', undefined, origins)).toBe(1)
    await withRetries('http://a.example.org/x', async () => ({ done: 1 }), { signal, origins })
    expect(await tries('later', undefined, origins)).toBe(4)
  })

  test('waits as long as a server asks all to wait, however many ask', async () => {
    const [origins, started] = [createHttpOrigins(), performance.now()]
    origins.pause('http://a.example.org/', 60)
    await withRetries('http://a.example.org/y', async () => ({ done: 1 }), { signal, origins })
    expect(performance.now() - started).toBeGreaterThan(50)
  })

  test('lets so many ask a server at once, the others in their order', async () => {
    const origins = createHttpOrigins()
    const order: number[] = []
    let [now, most] = [0, 0]
    const ask = (number: number) =>
      origins.share('http://a.example.org/', 2, async () => {
        now += 1
        most = Math.max(most, now)
        await new Promise((resolve) => setImmediate(resolve))
        now -= 1
        order.push(number)
        if (number === 1) throw new Error('one that fails gives its place up, too')
      })
    const done = await Promise.allSettled([0, 1, 2, 3, 4].map(ask))
    expect(done.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, true, true])
    expect([most, order]).toEqual([2, [0, 1, 2, 3, 4]])
  })

  test('stops waiting when interrupted', async () => {
    const stop = new AbortController()
    const attempt = async (): Promise<Attempt<never, string>> => {
      stop.abort(new Error('interrupted'))
      return { failure: '', retry: { after: 3_600_000 } }
    }
    const waiting = withRetries('http://a.example.org/', attempt, {
      signal: stop.signal,
      timing: { retryAfterCap: 3_600_000 },
    })
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('ask() and createGet()', () => {
  let server: fault.FaultServer
  beforeEach(async () => {
    server = await fault.startFaultServer()
  })
  afterEach(() => server.close())

  const past = new Date(Date.now() - 1000).toUTCString()
  test.each<[string, number, fault.Behaviour]>([
    ['429 with seconds beyond the cap', 2, fault.status(429, { 'retry-after': '3600' })],
    ['503 with a date', 2, fault.status(503, { 'retry-after': past })],
    ['a reset', 2, fault.resetAfter(Buffer.from('0123456789'), 3)],
    ['403', 1, fault.status(403, { 'retry-after': '1' })],
  ])('ask again or not after %s', async (_, times, behaviour) => {
    server.on('/x', behaviour, fault.body('whole', 'text/plain'))
    const { status, body } = await ask({ url: `${server.url}/x` }, { signal, timing })
    expect(server.seen).toHaveLength(times)
    expect([status, Buffer.from(body).toString()]).toEqual(times === 2 ? [200, 'whole'] : [403, ''])
  })

  test('give what the last try gave', async () => {
    server.on('/x', fault.status(502))
    expect(await ask({ url: `${server.url}/x` }, { signal, timing })).toMatchObject({ status: 502 })
    expect(server.seen).toHaveLength(4)
    server.on('/y', fault.stallAfter(Buffer.from('0123456789'), 3))
    const quick = { ...timing, retries: 1, stall: 500 }
    await expect(ask({ url: `${server.url}/y` }, { signal, timing: quick })).rejects.toEqual(
      new Unreachable('no data for 0.5 s', false),
    )
    await expect(
      createGet({ signal: new AbortController().signal, timing })(`${server.url}/x`),
    ).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringMatching(/HTTP status 502$/),
    })
  })
})
