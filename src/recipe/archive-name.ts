/**
 * What a lock calls an archive of somebody else: its address without the scheme.
 *
 * @example
 * ```ts
 * archiveName('https://apt.example.org/team/debian/') // 'apt.example.org/team/debian'
 * ```
 */
export function archiveName(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`.replace(/\/+$/, '')
}
