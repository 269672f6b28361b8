import { setTimeout as delay } from 'node:timers/promises'

/** How long and how often to try. Times in milliseconds. */
export interface Timing {
  /** Tries after the first, of one address. */
  retries: number
  /** Before the first retry; each later one waits twice as long. */
  backoff: number
  /** The most that a server's Retry-After is obeyed. */
  retryAfterCap: number
  /** Without a byte, after which a connection is given up. */
  stall: number
  /** Without progress, after which another process that fetches the same artifact is no longer waited for. */
  patience: number
}

export const DEFAULT_TIMING: Timing = {
  retries: 5,
  backoff: 500,
  retryAfterCap: 60_000,
  stall: 30_000,
  patience: 120_000,
}

/** When to ask again: never; at once, from the first byte; after a pause; after the pause that the server wants. */
export type Retry = 'no' | 'again' | 'later' | { after: number }

/** Whether a status is one that passes (RFC 9110, 15; RFC 8470; RFC 6585), and when. */
export function retryOf(
  { status, header }: { status: number; header(name: string): string | undefined },
  now: number = Date.now(),
): Retry {
  if (status !== 408 && status !== 425 && status !== 429 && status < 500) return 'no'
  const after = parseRetryAfter(header('retry-after'), now)
  return after === undefined ? 'later' : { after }
}

/** Milliseconds that a Retry-After header (RFC 9110, 10.2.3: seconds, or a date) asks to wait, if it is one. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** So many new bytes show that a connection is worth going on with: retries are counted from there again. */
const PROGRESS = 1 << 20
/** How often a file is begun again at once. */
const RESTARTS = 3

export interface RetryOptions {
  signal: AbortSignal
  timing?: Partial<Timing>
  /** What is known of the servers; nothing by default. */
  origins?: HttpOrigins
  /** Bytes received so far of what is asked for, when it is gone on with. */
  received?: () => number
}

export type Attempt<T, F> = { done: T } | { failure: F; retry: Retry }

/** Makes attempts at one address until one is done, or no other is worth it: then gives the last failure. */
export async function withRetries<T, F>(
  url: string,
  attempt: () => Promise<Attempt<T, F>>,
  { signal, received = () => 0, ...options }: RetryOptions,
): Promise<{ done: T } | { failure: F }> {
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  const origins = options.origins ?? createHttpOrigins()
  let [tries, restarts, furthest] = [0, 0, received()]
  for (;;) {
    await origins.ready(url, signal)
    const result = await attempt()
    if ('done' in result) {
      origins.mark(url, true)
      return result
    }
    const { failure, retry } = result
    if (retry === 'no') return { failure }
    if (retry === 'again' && restarts < RESTARTS) {
      restarts += 1
      continue
    }
    if (received() >= furthest + PROGRESS) [furthest, tries] = [received(), 0]
    if (tries >= (origins.isDead(url) ? 0 : timing.retries)) {
      origins.mark(url, false)
      return { failure }
    }
    tries += 1
    if (typeof retry === 'object') origins.pause(url, Math.min(retry.after, timing.retryAfterCap))
    else await delay(timing.backoff * 2 ** (tries - 1) * (0.5 + Math.random()), undefined, { signal })
  }
}

/** What one run has learnt of the servers it asks. */
export interface HttpOrigins {
  /** Waits as long as the server asked all to wait. */
  ready(url: string, signal: AbortSignal): Promise<void>
  /** Notes that a server wants no request for so many milliseconds. */
  pause(url: string, milliseconds: number): void
  /** Notes that a server could not be reached, or could. */
  mark(url: string, reachable: boolean): void
  /** Whether all retries were in vain already. */
  isDead(url: string): boolean
  /** Does work that asks a server when fewer than `atOnce` others do so. */
  share<T>(url: string, atOnce: number, work: () => Promise<T>): Promise<T>
}

export function createHttpOrigins(): HttpOrigins {
  const pausedUntil = new Map<string, number>()
  const dead = new Set<string>()
  const busy = new Map<string, { count: number; waiting: (() => void)[] }>()
  const origin = (url: string) => (URL.canParse(url) ? new URL(url).host : url)
  return {
    ready: async (url, signal) => {
      const wait = (pausedUntil.get(origin(url)) ?? 0) - performance.now()
      if (wait > 0) await delay(wait, undefined, { signal })
    },
    pause: (url, milliseconds) => {
      pausedUntil.set(origin(url), performance.now() + milliseconds)
    },
    mark: (url, reachable) => {
      if (reachable) dead.delete(origin(url))
      else dead.add(origin(url))
    },
    isDead: (url) => dead.has(origin(url)),
    share: async (url, atOnce, work) => {
      const line = busy.get(origin(url)) ?? { count: 0, waiting: [] }
      busy.set(origin(url), line)
      // who leaves hands its place on, so that nobody comes between
      if (line.count < atOnce) line.count += 1
      else await new Promise<void>((resolve) => void line.waiting.push(resolve))
      try {
        return await work()
      } finally {
        const next = line.waiting.shift()
        if (next === undefined) line.count -= 1
        else next()
      }
    },
  }
}
