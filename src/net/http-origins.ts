import { setTimeout as delay } from 'node:timers/promises'

/** How long and how often to try. Times in milliseconds. */
export interface Timing {
  /** Tries after the first, of one artifact from one place. */
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

/** What one run has learnt of the servers it asks. */
export interface HttpOrigins {
  /** Waits as long as the server asked all to wait. */
  ready(url: string, signal: AbortSignal): Promise<void>
  /** Notes that a server wants no request for so many milliseconds. */
  pause(url: string, milliseconds: number): void
  /** Notes that a server could not be reached, or could. */
  mark(url: string, reachable: boolean): void
  /** How often to retry: not at all where all retries were in vain already. */
  retries(url: string): number
}

export function createHttpOrigins(timing: Timing): HttpOrigins {
  const pausedUntil = new Map<string, number>()
  const dead = new Set<string>()
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
    retries: (url) => (dead.has(origin(url)) ? 0 : timing.retries),
  }
}
