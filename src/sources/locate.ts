import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Archive } from '../lock/schema.ts'
import { splitUserinfo } from '../net/redact-url.ts'
import type { Timing } from '../net/retry.ts'
import type { Artifact, ArtifactUrl } from '../store/artifact.ts'
import { fetchSimplePage, type SimpleFile } from './simple-page.ts'

/** The addresses that an artifact may be had from, best first; none when it is not of a kind that is known here. */
export type Locate = (artifact: Artifact) => Promise<ArtifactUrl[]>

/**
 * Joins what several ways of locating find, in their order; one that fails counts only when no other finds anything.
 * @throws what the first of them did
 */
export function locateWith(...ways: readonly Locate[]): Locate {
  return async (artifact) => {
    const results = await Promise.allSettled(ways.map((locate) => locate(artifact)))
    const found = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    const failure = results.find((result) => result.status === 'rejected')
    if (found.length === 0 && failure) throw failure.reason
    return found
  }
}

/** Where one archive may be had: its root, the directory that holds `pool`. */
export type ArchiveBase = Omit<ArtifactUrl, 'sha256'>

/** Joins the path of a Debian artifact to each root of its archive, in the order given. */
export function locateDebian(bases: Partial<Record<Archive, readonly ArchiveBase[]>>): Locate {
  return async ({ origin }) => {
    if (origin.kind !== 'debian') return []
    // "+" too: stores that take URLs for forms read a bare one as a space.
    const path = origin.path.split('/').map(encodeURIComponent).join('/')
    return (bases[origin.archive] ?? []).map((base) => {
      const root = splitUserinfo(base)
      return { ...root, url: `${root.url.replace(/\/+$/, '')}/${path}` }
    })
  }
}

/** Finds a download at the one address that it was locked with. */
export function locateUrl(ca: string | undefined): Locate {
  return async ({ origin }) => (origin.kind === 'url' ? [{ url: origin.url, label: 'download', ca }] : [])
}

/** A package index (its simple API's root), or what find-links names. Credentials may be in the URL, or in `headers`. */
export interface PythonSource extends Omit<ArtifactUrl, 'label' | 'sha256'> {
  label?: string
}

export interface PageOptions {
  signal: AbortSignal
  timing?: Partial<Timing>
}

/**
 * Finds Python artifacts by file name on the package's page of each index, in the order given.
 * A page is asked for once. An index that lacks the package is passed over.
 *
 * @returns a way of locating. @throws StillroomError FETCH_FAILED, INDEX_INVALID: an index could not be read, and no
 *   other has the file.
 */
export function locatePypi(indexes: readonly PythonSource[], options: PageOptions): Locate {
  const readPage = pageReader(options)
  const locateAt = (index: ArtifactUrl): Locate => {
    return async ({ origin }) => {
      if (origin.kind !== 'pypi') return []
      const root = index.url.replace(/\/+$/, '')
      const files = await readPage({ ...index, url: `${root}/${encodeURIComponent(origin.name)}/` })
      return linked(origin.file, files, index)
    }
  }
  return locateWith(...indexes.map((index) => locateAt(splitUserinfo({ label: 'index', ...index }))))
}

/**
 * Finds Python artifacts that the recipe takes from an index of its own there, as {@link locatePypi} does.
 *
 * @param source what asking that index takes, by its root
 */
export function locateOwnIndex(source: (url: string) => PythonSource, options: PageOptions): Locate {
  return async (artifact) => {
    const { origin } = artifact
    if (origin.kind !== 'pypi' || origin.index === undefined) return []
    return locatePypi([source(origin.index)], options)(artifact)
  }
}

const FIND_LINKS = 'find-links'
const ARCHIVE = /\.(whl|zip|tar\.(gz|bz2|xz))$/

/**
 * Finds Python artifacts by file name where pip's `find-links` point: directories and files of this machine, pages
 * that link to files, and files by their own address.
 *
 * @returns a way of locating. @throws StillroomError FETCH_FAILED, INDEX_INVALID: a page could not be read, and
 *   nowhere else is the file.
 */
export function locateFindLinks(links: readonly PythonSource[], options: PageOptions): Locate {
  const readPage = pageReader(options)
  const locateAt = (link: ArtifactUrl): Locate => {
    const path = pathOf(link.url)
    return async ({ origin }) => {
      if (origin.kind !== 'pypi') return []
      const { file } = origin
      if (!/^https?:/i.test(link.url)) return localFile(link.url, file)
      if (ARCHIVE.test(path)) return path.endsWith(`/${file}`) ? [link] : []
      return linked(file, await readPage(link), link)
    }
  }
  return locateWith(...links.map((link) => locateAt(splitUserinfo({ label: FIND_LINKS, ...link }))))
}

/** Reads each page once. */
function pageReader(options: PageOptions): (page: ArtifactUrl) => Promise<SimpleFile[]> {
  const pages = new Map<string, Promise<SimpleFile[]>>()
  return (page) => {
    const asked = pages.get(page.url) ?? fetchSimplePage(page, options)
    pages.set(page.url, asked)
    return asked
  }
}

/** Files of a name that a page lists. */
function linked(name: string, files: readonly SimpleFile[], page: ArtifactUrl): ArtifactUrl[] {
  return files.filter(({ file }) => file === name).map((file) => linkedFile(file, page))
}

/** Where a file is that a page lists. The page's credentials go to files on its own host only. */
export function linkedFile({ url, sha256 }: SimpleFile, { headers, ...page }: ArtifactUrl): ArtifactUrl {
  const ours = headers !== undefined && new URL(url).origin === new URL(page.url).origin
  return { ...page, url, ...(ours ? { headers } : {}), ...(sha256 === undefined ? {} : { sha256 }) }
}

async function localFile(link: string, file: string): Promise<ArtifactUrl[]> {
  const path = link.startsWith('file:') ? fileURLToPath(link) : link
  const candidate = basename(path) === file ? path : join(path, file)
  const entry = await stat(candidate).catch(() => undefined)
  return entry?.isFile() ? [{ url: pathToFileURL(candidate).href, label: FIND_LINKS, local: true }] : []
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return ''
  }
}
