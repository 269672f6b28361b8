import type { Artifact, Located } from '../store/artifact.ts'

/** Finds a download at the one address that it was locked with. */
export function locateUrl(trust: Pick<Located, 'ca'> = {}) {
  return async ({ origin }: Artifact): Promise<Located[]> =>
    origin.kind === 'url' ? [{ url: origin.url, label: 'download', ...trust }] : []
}
