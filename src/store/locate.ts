import type { Artifact, Located } from './artifact.ts'

export { type ArchiveBase, locateDebian } from './locate-debian.ts'
export { locatePypi } from './locate-pypi.ts'

export type Locate = (artifact: Artifact) => Promise<Located[]>

/** Joins what several ways of locating find, in their order. */
export function locateWith(...ways: readonly Locate[]): Locate {
  return async (artifact) => (await Promise.all(ways.map((locate) => locate(artifact)))).flat()
}
