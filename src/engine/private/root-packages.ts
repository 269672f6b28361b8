import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGet } from '../../net/http-get.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { archiveServices } from '../../resolve/debian/archive-services.ts'
import { minimalClosure } from '../../resolve/debian/closure.ts'
import { fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring, suiteSigners } from '../../resolve/debian/keyring.ts'
import { type BinaryPackage, readPackages } from '../../resolve/debian/read-packages.ts'
import { findSources } from '../../sources/find-sources.ts'
import { locateDebian } from '../../sources/locate.ts'
import type { Artifact } from '../../store/artifact.ts'
import { fetchArtifacts } from '../../store/fetch-artifacts.ts'
import { openStore } from '../../store/store.ts'

const SUITE = 'trixie'

/**
 * Fetches what the root file system of private engines is made of, several packages at once, each verified as those of recipes
 * are.
 *
 * @param directory gets the packages, and `list`: a line each, `base NAME PATH` for what Debian itself is, `more NAME PATH` for the rest;
 *   and `mirror`, where they came from
 * @param wanted names of packages that it has besides
 * @throws {StillroomError} SOURCE_UNKNOWN, FETCH_FAILED, ARTIFACT_GONE, SIGNATURE_INVALID, INDEX_EXPIRED, INDEX_INVALID
 */
export async function fetchRootPackages(
  directory: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { debian, oldReleases, ca } = await findSources({ env: process.env, standard: archiveServices })
  const indexes = await fetchIndexes(
    { suite: SUITE },
    {
      get: createGet({ ca, signal }),
      sources: debian,
      oldReleases,
      keys: await loadKeyring(),
      signers: suiteSigners,
      now: new Date(),
    },
  )
  const packages = readPackages(indexes.map(({ index, packages }) => ({ archive: index.archive, packages })))
  const required = [...packages.values()].filter(({ priority }) => priority === 'required')
  const system = ['apt', ...required.map(({ name }) => name)]
  const base = new Set(minimalClosure(packages, system).map(({ name }) => name))
  const all = minimalClosure(packages, [...system, ...wanted])
  const store = await openStore(join(directory, 'store'))
  const mirrors = Object.entries(debian).map(
    ([archive, urls]) => [archive, urls.map((url) => ({ url, label: 'live mirror', ca }))] as const,
  )
  await fetchArtifacts(all.map(artifactOf), {
    store,
    locate: locateDebian(Object.fromEntries(mirrors)),
    signal,
  })
  await mkdir(directory, { recursive: true })
  const lines = all.map(
    ({ name, sha256 }) => `${base.has(name) ? 'base' : 'more'} ${name} ${store.path(sha256)}\n`,
  )
  await writeFile(join(directory, 'list'), lines.join(''))
  const [mirror = ''] = debian.debian
  await writeFile(join(directory, 'mirror'), `${splitUserinfo({ url: mirror }).url}\n`)
}

function artifactOf({ name, version, archive, path, sha256, size }: BinaryPackage): Artifact {
  const file = path.replace(/^.*\//, '')
  return { name: `${name} ${version}`, file, sha256, size, origin: { kind: 'debian', archive, path } }
}
