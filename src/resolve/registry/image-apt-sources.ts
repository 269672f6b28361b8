import { parseControl } from '../../formats/deb/deb822.ts'

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
 * keys that apt would hold it against. What isn't asked over http and what has no components (a flat repository) is
 * left out.
 */
export function imageAptSources(files: ImageFiles): ImageAptSource[] {
  const parts = 'etc/apt/sources.list.d'
  const names = files.list(parts)
  const text = (path: string) => Buffer.from(files.read(path) ?? '').toString('utf8')
  const lists = [
    'etc/apt/sources.list',
    ...names.filter((n) => n.endsWith('.list')).map((n) => `${parts}/${n}`),
  ]
  const entries = [
    ...lists.flatMap((path) => parseList(text(path))),
    ...names.filter((n) => n.endsWith('.sources')).flatMap((n) => parseDeb822(text(`${parts}/${n}`))),
  ]
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

interface Entry {
  uris: string[]
  suites: string[]
  components: string[]
  architectures: string[]
  /** Paths parted by commas or blanks, or the keys themselves. */
  signedBy: string | undefined
}

function parseList(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line)
    if (match === null) return []
    const [, options = '', uri = '', suite = '', components = ''] = match
    const option = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(options)?.[1]
    const architectures = (option('arch') ?? '').split(',').filter((word) => word !== '')
    return [
      {
        uris: [uri],
        suites: [suite],
        components: words(components),
        architectures,
        signedBy: option('signed-by'),
      },
    ]
  })
}

function parseDeb822(text: string): Entry[] {
  return [...parseControl(text)]
    .filter(
      (stanza) =>
        words(stanza.get('types')).includes('deb') &&
        !/^(no|false|0|off)$/i.test(stanza.get('enabled') ?? ''),
    )
    .map((stanza) => ({
      uris: words(stanza.get('uris')),
      suites: words(stanza.get('suites')),
      components: words(stanza.get('components')),
      architectures: words(stanza.get('architectures')),
      signedBy: stanza.get('signed-by'),
    }))
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

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}
