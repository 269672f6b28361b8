import type { Archive } from '../lock/schema.ts'
import { splitUserinfo } from '../net/split-userinfo.ts'
import type { Artifact, ArtifactUrl } from '../store/artifact.ts'

/** Where one archive may be had: its root, the directory that holds `pool`. */
export type ArchiveBase = Omit<ArtifactUrl, 'sha256'>

/** Joins the path of a Debian artifact to each root of its archive, in the order given. */
export function locateDebian(bases: Partial<Record<Archive, readonly (string | ArchiveBase)[]>>) {
  return async ({ origin }: Artifact): Promise<ArtifactUrl[]> => {
    if (origin.kind !== 'debian') return []
    // "+" too: stores that take URLs for forms read a bare one as a space.
    const path = origin.path.split('/').map(encodeURIComponent).join('/')
    return (bases[origin.archive] ?? []).map((base) => {
      const place = splitUserinfo(typeof base === 'string' ? { url: base, label: 'mirror' } : base)
      return { ...place, url: `${place.url.replace(/\/+$/, '')}/${path}` }
    })
  }
}
