import type { Artifact, ArtifactUrl } from '../store/artifact.ts'

export { type ArchiveBase, locateDebian } from './locate-debian.ts'
export { locateFindLinks } from './locate-find-links.ts'
export { locatePypi } from './locate-pypi.ts'

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
