/**
 * The proxy that an environment names for an address, if any: `http_proxy` or `https_proxy` by the address' scheme,
 * unless `no_proxy` lists the host; in either case. As before this was ours, an http address without a proxy of its own
 * takes that of https.
 *
 * @example
 * ```ts
 * proxyFor(new URL('http://a.example.org/'), { HTTP_PROXY: 'http://proxy.example.org:3128' })
 * // 'http://proxy.example.org:3128'
 * ```
 */
export function proxyFor(url: URL, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const setting = (name: string) => env[name] || env[name.toUpperCase()] || undefined
  const proxy =
    (url.protocol === 'http:' ? setting('http_proxy') : undefined) ??
    setting('https_proxy') ??
    (url.protocol === 'http:' ? setting('proxy') : undefined)
  if (proxy === undefined || isDirect(url, setting('no_proxy') ?? '')) return undefined
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

/** `*`, or names of hosts and domains, with a port or without, separated by commas or spaces. */
function isDirect({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80')
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = entry, wanted] = /^(.*?):(\d+)$/.exec(entry) ?? []
      const domain = name.replace(/^\*?\./, '')
      if (wanted !== undefined && wanted !== ownPort) return false
      return domain === '*' || hostname === domain || hostname.endsWith(`.${domain}`)
    })
}
