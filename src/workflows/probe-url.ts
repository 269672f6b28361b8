import { httpRequest, Unreachable } from '../net/http-request.ts'

export type Probe =
  | {
      answered: true
      milliseconds: number /** The server's clock, in ms since 1970. */
      date: number | undefined
    }
  | { answered: false; reason: string }

/** Asks for the head of a URL, once. @param ca certificates (PEM) to trust besides the machine's own */
export async function probeUrl(url: string, ca?: string): Promise<Probe> {
  const { signal } = new AbortController()
  const started = performance.now()
  try {
    return await httpRequest({ url, ca }, { method: 'HEAD', signal, stall: 20_000 }, async (reply) => {
      if (reply.status >= 400) return { answered: false, reason: `HTTP status ${reply.status}` }
      const date = Date.parse(reply.header('date') ?? '')
      return {
        answered: true,
        milliseconds: Math.round(performance.now() - started),
        date: Number.isNaN(date) ? undefined : date,
      }
    })
  } catch (error) {
    if (error instanceof Unreachable) return { answered: false, reason: error.message }
    throw error
  }
}
