import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { StillroomError } from '../error.ts'
import { DEFAULT_TIMING, type Timing } from '../net/http-origins.ts'
import { splitUserinfo } from '../net/split-userinfo.ts'
import type { Artifact, ArtifactUrl } from '../store/artifact.ts'
import { fetchSimplePage } from './fetch-simple-page.ts'
import type { PypiIndex } from './locate-pypi.ts'
import type { SimpleFile } from './parse-simple-page.ts'

const LABEL = 'find-links'
const ARCHIVE = /\.(whl|zip|tar\.(gz|bz2|xz))$/

/**
 * Finds Python artifacts by file name where pip's `find-links` point: directories and files of this machine, pages
 * that link to files, and files by their own address.
 *
 * @returns a way of locating. @throws StillroomError FETCH_FAILED, INDEX_INVALID: a page could not be read, and
 *   nowhere else is the file.
 */
export function locateFindLinks(
  links: readonly PypiIndex[],
  options: { signal?: AbortSignal; timing?: Partial<Timing> } = {},
) {
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  const signal = options.signal ?? new AbortController().signal
  const places = links.map((link) => splitUserinfo({ label: LABEL, ...link }))
  const pages = new Map<string, Promise<SimpleFile[] | StillroomError>>()
  const page = (place: ArtifactUrl) => {
    const asked =
      pages.get(place.url) ??
      fetchSimplePage(place, { signal, timing }).catch((error) => {
        if (error instanceof StillroomError) return error
        throw error
      })
    pages.set(place.url, asked)
    return asked
  }

  return async ({ origin }: Artifact): Promise<ArtifactUrl[]> => {
    if (origin.kind !== 'pypi') return []
    const { file } = origin
    const results = await Promise.all(
      places.map(async (place): Promise<ArtifactUrl[] | StillroomError> => {
        if (!/^https?:/i.test(place.url)) return localFile(place.url, file)
        if (ARCHIVE.test(pathOf(place.url))) return pathOf(place.url).endsWith(`/${file}`) ? [place] : []
        const files = await page(place)
        if (files instanceof StillroomError) return files
        return files.filter((entry) => entry.file === file).map((entry) => linkedFrom(place, entry))
      }),
    )
    const found = results.flatMap((result) => (result instanceof StillroomError ? [] : result))
    const failure = results.find((result) => result instanceof StillroomError)
    if (found.length === 0 && failure) throw failure
    return found
  }
}

/** A page's login goes to files on its own host only. */
function linkedFrom({ headers, ...place }: ArtifactUrl, { url, sha256 }: SimpleFile): ArtifactUrl {
  const ours = headers !== undefined && new URL(url).origin === new URL(place.url).origin
  return { ...place, url, ...(ours ? { headers } : {}), ...(sha256 === undefined ? {} : { sha256 }) }
}

async function localFile(link: string, file: string): Promise<ArtifactUrl[]> {
  const path = link.startsWith('file:') ? fileURLToPath(link) : link
  const candidate = basename(path) === file ? path : join(path, file)
  const entry = await stat(candidate).catch(() => undefined)
  return entry?.isFile() ? [{ url: pathToFileURL(candidate).href, label: LABEL, local: true }] : []
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return ''
  }
}
