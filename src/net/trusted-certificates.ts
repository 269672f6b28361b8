import { getCACertificates } from 'node:tls'

/** One certificate in a PEM text (RFC 7468). */
export const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

const known = new Map<string, string[]>()

/**
 * What to trust when these certificates (PEM) are given besides the machine's own: a client takes a list instead of its
 * own, not in addition. The same list each time lets connections be used again.
 */
export function trustedCertificates(ca: string): string[] {
  const own = () => getCACertificates('default').map((pem) => pem.trim())
  const all = known.get(ca) ?? [...new Set([...own(), ...(ca.match(CERTIFICATE) ?? [])])]
  known.set(ca, all)
  return all
}
