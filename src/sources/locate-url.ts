import type { Artifact, ArtifactUrl } from '../store/artifact.ts'

/** Finds a download at the one address that it was locked with. */
export function locateUrl(trust: Pick<ArtifactUrl, 'ca'> = {}) {
  return async ({ origin }: Artifact): Promise<ArtifactUrl[]> =>
    origin.kind === 'url' ? [{ url: origin.url, label: 'download', ...trust }] : []
}
