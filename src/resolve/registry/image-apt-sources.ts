import { StillroomError } from '../../error.ts'
import { aptSourceFiles } from '../../formats/deb/apt-sources.ts'
import { Archive } from '../../lock/schema.ts'
import { redactUrl } from '../../net/redact-url.ts'

/** Files of an image, as far as apt's set-up goes; paths without a slash in front. */
export interface ImageFiles {
  read(path: string): Uint8Array | undefined
  list(directory: string): string[]
}

/** One suite of packages that an image's apt would ask for. */
export interface ImageAptSource {
  /** Roots of the archive, http or https, without slash at the end. */
  uris: string[]
  suite: string
  components: string[]
  /** Key rings that may sign it, as they lie in the image: armored, or binary. */
  keyrings: Uint8Array[]
}

const TRUSTED = 'etc/apt/trusted.gpg'

/** Whether these functions need a file's content: for reading the image's layers. */
export function wantedByApt(path: string, size: number): boolean {
  if (size > 1 << 20) return false
  return /^etc\/apt\/(sources\.list|sources\.list\.d\/|trusted\.gpg|trusted\.gpg\.d\/|keyrings\/)|^usr\/(share|local\/share)\/keyrings\//.test(
    path,
  )
}

/**
 * Reads an image's own apt sources for binary packages of amd64 (sources.list(5): one-line and deb822), each with the
 * keys that apt would verify it with. What isn't fetched over http and what has no components (a flat repository) is
 * left out.
 */
export function imageAptSources(files: ImageFiles): ImageAptSource[] {
  const text = (path: string) => Buffer.from(files.read(path) ?? '').toString('utf8')
  const lists = aptSourceFiles('etc/apt', files.list('etc/apt/sources.list.d'))
  const entries = lists.flatMap(({ path, parse }) => parse(text(path)))
  const trusted = [TRUSTED, ...files.list(`${TRUSTED}.d`).map((name) => `${TRUSTED}.d/${name}`)].flatMap(
    (path) => (/\.(gpg|asc)$/.test(path) ? (files.read(path) ?? []) : []),
  )
  const found = new Map<string, ImageAptSource>()
  for (const { uris, suites, components, architectures, signedBy } of entries) {
    const web = uris.filter((uri) => /^https?:\/\//.test(uri)).map((uri) => uri.replace(/\/+$/, ''))
    if (web.length === 0 || components.length === 0) continue
    if (architectures.length > 0 && !architectures.includes('amd64')) continue
    for (const suite of suites) {
      const key = `${web.join(' ')} ${suite}`
      const known = found.get(key)
      const keyrings = signedBy === undefined ? trusted : keyringsOf(signedBy, files)
      found.set(key, {
        uris: web,
        suite,
        components: [...new Set([...(known?.components ?? []), ...components])],
        keyrings: known?.keyrings ?? keyrings,
      })
    }
  }
  return [...found.values()]
}

function keyringsOf(signedBy: string, files: ImageFiles): Uint8Array[] {
  if (signedBy.includes('-----BEGIN PGP')) {
    // deb822 writes an empty line as a dot
    return [
      Buffer.from(
        signedBy
          .split('\n')
          .map((line) => (line.trim() === '.' ? '' : line.trim()))
          .join('\n'),
      ),
    ]
  }
  return signedBy
    .split(/[\s,]+/)
    .filter((path) => path.startsWith('/'))
    .flatMap((path) => files.read(path.slice(1)) ?? [])
}

const SNAPSHOT = /\/archive\/(debian(?:-security)?)\/[0-9]{8}T[0-9]{6}Z$/

/**
 * What the lock calls the archive of a source: Debian's two and Ubuntu's by their names, since every mirror has the
 * same; another by its address.
 *
 * @param origin `Origin` of its verified Release file, when that is known already
 * @throws {StillroomError} INDEX_INVALID when the address cannot be named
 */
export function nameArchive(uri: string, suite: string, origin?: string): string {
  const { host, pathname } = new URL(uri)
  const path = pathname.replace(/\/+$/, '')
  const snapshot = SNAPSHOT.exec(path)?.[1]
  const isDebian = origin === undefined || origin === 'Debian'
  const isUbuntu = origin === undefined || origin === 'Ubuntu'
  if (isDebian && snapshot !== undefined) return snapshot
  if (isDebian && (/\/debian-security$/.test(path) || (path === '' && /(-security|\/updates)$/.test(suite))))
    return 'debian-security'
  if (isDebian && /\/debian$/.test(path)) return 'debian'
  if (isUbuntu && /\/ubuntu$/.test(path)) return 'ubuntu'
  const name = Archive.safeParse(`${host}${path}`)
  if (name.success) return name.data
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot name the archive "${redactUrl(uri)}" of the base's apt sources`,
  )
}
