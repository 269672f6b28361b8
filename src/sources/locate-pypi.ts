import { StillroomError } from '../error.ts'
import { DEFAULT_TIMING, type Timing } from '../net/http-origins.ts'
import { splitUserinfo } from '../net/split-userinfo.ts'
import type { Artifact, ArtifactUrl } from '../store/artifact.ts'
import { fetchSimplePage } from './fetch-simple-page.ts'
import type { SimpleFile } from './parse-simple-page.ts'

/** A package index: its simple API's root. Credentials may be in the URL, or in `headers`. */
export interface PypiIndex extends Omit<ArtifactUrl, 'label' | 'sha256'> {
  label?: string
}

/**
 * Finds Python artifacts by file name on the package's page of each index, in the order given.
 * A page is asked for once. An index that lacks the package is passed over; one that fails only counts when no
 * other has the file.
 */
export function locatePypi(
  indexes: readonly (string | PypiIndex)[],
  options: { signal?: AbortSignal; timing?: Partial<Timing> } = {},
) {
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  const signal = options.signal ?? new AbortController().signal
  const places = indexes.map((index) =>
    splitUserinfo({ label: 'index', ...(typeof index === 'string' ? { url: index } : index) }),
  )
  const pages = new Map<string, Promise<SimpleFile[] | StillroomError>>()

  const page = (index: ArtifactUrl, name: string) => {
    const url = `${index.url.replace(/\/+$/, '')}/${encodeURIComponent(name)}/`
    const known = pages.get(url)
    if (known) return known
    const asked = fetchSimplePage({ ...index, url }, { signal, timing }).catch((error) => {
      if (error instanceof StillroomError) return error
      throw error
    })
    pages.set(url, asked)
    return asked
  }

  /** @throws StillroomError FETCH_FAILED, INDEX_INVALID: no index has the file, and one could not be read. */
  return async ({ origin }: Artifact): Promise<ArtifactUrl[]> => {
    if (origin.kind !== 'pypi') return []
    const results = await Promise.all(places.map((index) => page(index, origin.name)))
    const found = results.flatMap((files, number) => {
      const index = places[number]
      if (index === undefined || files instanceof StillroomError) return []
      return files.filter(({ file }) => file === origin.file).map((file) => locatedAt(index, file))
    })
    if (found.length > 0) return found
    const failure = results.find((result) => result instanceof StillroomError)
    if (failure) throw failure
    return []
  }
}

/** An index' credentials go to files on its own host only. */
function locatedAt(index: ArtifactUrl, { url, sha256 }: SimpleFile): ArtifactUrl {
  const { headers, ...place } = index
  const ours = headers !== undefined && new URL(url).origin === new URL(index.url).origin
  return { ...place, url, ...(ours ? { headers } : {}), ...(sha256 === undefined ? {} : { sha256 }) }
}
