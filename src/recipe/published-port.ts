import { z } from 'zod'

/** A port of a container that is reached at a port of the machine. */
export interface PublishedPort {
  /** IPv4 or IPv6 of the machine, without brackets; `127.0.0.1` when none is asked for. */
  address: string
  /** Of the machine; 0 for any that is free. */
  host: number
  container: number
  protocol: 'tcp' | 'udp'
}

/** Who does not ask for more has a port for this machine alone. */
const LOOPBACK = '127.0.0.1'
const PORT = /^\d{1,5}$/
const IPV4 = z.ipv4()
const IPV6 = z.ipv6()

/**
 * Reads `[ADDRESS:][HOST:]CONTAINER[/tcp|/udp]`, where HOST and CONTAINER are ports, or ranges of the same length; without
 * HOST it is the same number.
 *
 * @returns one for each port; undefined when it is none of this form
 * @example
 * ```ts
 * parsePublished('8080:80') // [{ address: '127.0.0.1', host: 8080, container: 80, protocol: 'tcp' }]
 * ```
 */
export function parsePublished(text: string): PublishedPort[] | undefined {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)??(?:([\d-]+):)?([\d-]+)(?:\/(tcp|udp))?$/.exec(text)
  if (!match) return undefined
  const [, ip6, ip4, outside, inside = '', protocol = 'tcp'] = match
  const address = ip6 ?? ip4 ?? LOOPBACK
  if (!(ip6 === undefined ? IPV4 : IPV6).safeParse(address).success) return undefined
  const container = range(inside)
  const host = outside === undefined ? container : range(outside)
  if (!container || !host || container.length !== host.length || container.includes(0)) return undefined
  return container.map((port, i) => ({
    address,
    host: host[i] as number,
    container: port,
    protocol: protocol as 'tcp' | 'udp',
  }))
}

/** The same port always gives the same text, which `parsePublished` reads. */
export function formatPublished({ address, host, container, protocol }: PublishedPort): string {
  return `${formatAddress(address, host)}:${container}/${protocol}`
}

export const formatAddress = (address: string, port: number) =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

function range(text: string): number[] | undefined {
  const [first = '', last = first, ...more] = text.split('-')
  if (!PORT.test(first) || !PORT.test(last) || more.length > 0) return undefined
  const [from, to] = [Number(first), Number(last)]
  return to <= 65_535 && from <= to ? Array.from({ length: to - from + 1 }, (_, i) => from + i) : undefined
}
