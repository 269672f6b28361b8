import { BlockList, isIP } from 'node:net'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that an environment names for an address, if any: `http_proxy` or `https_proxy` by the address' scheme,
 * unless `no_proxy` has the host. Names may be in upper or lower case. An http address for which no proxy is set takes
 * that of https.
 *
 * @example
 * ```ts
 * proxyFor(new URL('http://a.example.org/'), { HTTP_PROXY: 'http://proxy.example.org:3128' })
 * // 'http://proxy.example.org:3128'
 * ```
 */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const setting = (name: string) => env[name] || env[name.toUpperCase()] || undefined
  const proxy =
    (url.protocol === 'http:' ? setting('http_proxy') : undefined) ??
    setting('https_proxy') ??
    setting('all_proxy') ??
    (url.protocol === 'http:' ? setting('proxy') : undefined)
  if (proxy === undefined || isDirect(url, setting('no_proxy') ?? '')) return undefined
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy']

/**
 * The proxy settings of an environment for a program that has rules of its own for NO_PROXY, such as Python's, which
 * take an entry for the end of a name: of the hosts of these addresses, the list has those that are reached directly and
 * no other. For hosts that only turn up later, the entries stay as they are.
 *
 * @param urls what the program is known to ask
 */
export function proxySettings(urls: readonly string[], env: Environment): Record<string, string> {
  const set = PROXIES.flatMap((name) => [name, name.toUpperCase()]).flatMap((name) =>
    env[name] ? [[name, env[name]] as const] : [],
  )
  if (set.length === 0) return {}
  const known = urls.filter((url) => /^https?:/i.test(url) && URL.canParse(url)).map((url) => new URL(url))
  const isProxied = (url: URL) => proxyFor(url, env) !== undefined
  const direct = known.filter((url) => !isProxied(url)).map(({ hostname }) => bare(hostname))
  const proxied = known.filter(isProxied).map(({ hostname }) => bare(hostname))
  const entries = entriesOf(env['no_proxy'] || env['NO_PROXY'] || '').filter(
    (entry) => !proxied.some((host) => host.endsWith(entry.replace(/:\d+$/, ''))),
  )
  const list = [...new Set([...direct, ...entries])].join(',')
  return { ...Object.fromEntries(set), no_proxy: list, NO_PROXY: list }
}

/**
 * Whether `no_proxy` has an address' host, by curl's rules (CURLOPT_NOPROXY(3), curl 7.86 and newer): entries separated
 * by commas or spaces; `*` alone is every host; a name is itself and all below it, with a dot before it or without; an
 * address is itself; ADDRESS/BITS is a network. Besides, an entry may end in a port, and IPv6 may have its brackets.
 */
function isDirect(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname).replace(/\.$/, '')
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return noProxy.trim() === '*' || entriesOf(noProxy).some((entry) => isMeant(entry, host, port))
}

function entriesOf(noProxy: string): string[] {
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
}

function isMeant(entry: string, host: string, port: string): boolean {
  const [, bracketed, behind] = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry) ?? []
  if (bracketed !== undefined) return (behind ?? port) === port && isInNetwork(bracketed, host)
  const [, name = entry, wanted = port] = /^([^:]*):(\d+)$/.exec(entry) ?? []
  if (wanted !== port) return false
  if (isIP(host) !== 0) return isInNetwork(name, host)
  const domain = name.replace(/^\./, '').replace(/\.$/, '')
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`))
}

/** @param network `10.0.0.0/8`, `fd00::/8`, or an address */
function isInNetwork(network: string, host: string): boolean {
  const [address = '', bits, ...more] = network.split('/')
  const [family, other] = [isIP(address), isIP(host)]
  if (family === 0 || family !== other || more.length > 0) return false
  const width = family === 4 ? 32 : 128
  // as in curl, a network of no bits is the address alone
  const length = Number(/^\d*/.exec(bits ?? '')?.[0]) || width
  if (length > width) return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(address, length, type)
  return list.check(host, type)
}

/** A host as programs name it, without the brackets that IPv6 has in an address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
