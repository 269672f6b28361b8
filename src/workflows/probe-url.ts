import { redactUrl } from '../net/redact-url.ts'
import { trustedCertificates } from '../net/trusted-certificates.ts'

export type Probe =
  | {
      answered: true
      milliseconds: number /** The server's clock, in ms since 1970. */
      date: number | undefined
    }
  | { answered: false; reason: string }

/**
 * Asks for the head of a URL, once; proxies as set up for Node.
 *
 * @param ca certificates (PEM) to trust besides the machine's own
 */
export async function probeUrl(url: string, ca?: string): Promise<Probe> {
  const { default: fetch } = await import('make-fetch-happen')
  const started = performance.now()
  try {
    const { status, headers } = await fetch(url, {
      method: 'HEAD',
      retry: false,
      timeout: 20_000,
      ...(ca === undefined ? {} : { ca: trustedCertificates(ca) }),
    })
    if (status >= 400) return { answered: false, reason: `HTTP status ${status}` }
    const date = Date.parse(headers.get('date') ?? '')
    return {
      answered: true,
      milliseconds: Math.round(performance.now() - started),
      date: Number.isNaN(date) ? undefined : date,
    }
  } catch (error) {
    return { answered: false, reason: redactUrl(error instanceof Error ? error.message : String(error)) }
  }
}
