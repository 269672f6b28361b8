import { type FileHandle, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pMap from 'p-map'
import type { ContextArtifacts, PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { compressLittle, debDataTar, repackDeb } from '../../formats/deb/deb-archive.ts'
import { uncompressed } from '../../formats/decompress.ts'
import type { PythonAbi } from '../../formats/python/byte-code.ts'
import { piecesOf, type ReadAt } from '../../formats/read-at.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { Budget } from '../../image/read-options.ts'
import type { Artifact } from '../../store/artifact.ts'
import { hasContents, keepContents } from '../audit/artifact-contents.ts'
import { TarContents } from '../audit/contents-reader.ts'
import { readDebControl } from '../audit/read-artifact.ts'
import { contentsKey } from '../audit/read-locked-contents.ts'
import type { Artifacts, Cache, Cancellation } from '../ports.ts'
import { DerivedFiles } from './derived-files.ts'

/** An artifact's place in a context, and what lies there when that is not the artifact itself. */
export interface Placement extends PlacedArtifact {
  made: Made | undefined
}

interface Made {
  /** Tells it from other files: equal keys, equal bytes. */
  key: string
  write(
    read: ReadAt,
    file: FileHandle,
    ports: Cancellation & Cache & { python?: PythonAbi | undefined },
  ): Promise<void>
}

/** What of a build context is an artifact, or made of one. */
export function placementsOf({ files, seed }: Pick<ContextArtifacts, 'files' | 'seed'>): Placement[] {
  const format = debFormat(files)
  const plainTar = ({ sha256, size, name }: Artifact): Made => ({
    key: `data-gzip-${sha256}`,
    write: (read, file) => writeFile(file, compressLittle(debDataTar(read, size, name), 'gzip')),
  })
  return [
    ...files.map((placed) => ({ ...placed, made: madeOf(placed.artifact, format) })),
    ...seed.map((placed) => ({ ...placed, made: plainTar(placed.artifact) })),
  ]
}

/** What is made of an artifact; undefined of one that is taken as it is. */
function madeOf(artifact: Artifact, format: 'gzip' | 'zstd'): Made | undefined {
  const { sha256, size, origin } = artifact
  if (origin.kind === 'debian')
    return {
      key: `deb-${format}-${sha256}`,
      write: (read, file, ports) => repackAndRead(ports, artifact, read, format, file, ports.python),
    }
  if (origin.kind !== 'registry') return undefined
  return {
    key: `layer-${sha256}`,
    write: (read, file, { signal }) =>
      writeFile(file, uncompressed(piecesOf(read, size), new Budget({ signal }))),
  }
}

/** What is made of the artifacts of contexts. */
export const derivedFiles = ({ cache }: Cache) => new DerivedFiles(join(cache, 'derived'))

/** Those artifacts of a context of which the cache lacks what the context takes: they are to be fetched, or at least verified. */
export async function missingArtifacts(
  ports: Cache & Artifacts,
  artifacts: ContextArtifacts,
): Promise<PlacedArtifact[]> {
  const derived = derivedFiles(ports)
  const missing = await pMap(
    placementsOf(artifacts),
    async (placement) => {
      const { artifact, made } = placement
      const isThere =
        (await ports.store.has(artifact.sha256, artifact.size)) && (!made || (await derived.has(made.key)))
      return isThere ? [] : [placement]
    },
    { concurrency: 4 },
  )
  return missing.flat()
}

/**
 * Keeps what the .deb holds, so that an audit need not unpack it once more: it was verified when it was fetched. What cannot be read
 * is left to that audit, which says so.
 */
async function repackAndRead(
  ports: Cache,
  { sha256, size, name }: Artifact,
  read: ReadAt,
  format: 'gzip' | 'zstd',
  file: FileHandle,
  python: PythonAbi | undefined,
): Promise<void> {
  const key = contentsKey(sha256, python)
  if (await hasContents(ports, key)) return repackDeb(read, size, name, format, file)
  let tar: TarContents | undefined = new TarContents(python)
  await repackDeb(read, size, name, format, file, (bytes) => {
    try {
      tar?.write(bytes)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      tar = undefined
    }
  })
  try {
    const control = await readDebControl(read, size, name)
    if (tar) await keepContents(ports, key, { ...tar.contents(), control })
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
  }
}

/** The first version of dpkg that reads zstd. */
const READS_ZSTD = '1.21.18'

/** How .debs are compressed for the dpkg of a context: so that it reads them soon, and they take little of three disks. */
export function debFormat(placed: readonly PlacedArtifact[]): 'gzip' | 'zstd' {
  const versions = placed.flatMap(({ artifact: { name } }) => /^dpkg (\S+) /.exec(name)?.[1] ?? [])
  return versions.length > 0 && versions.every((version) => compareDebian(version, READS_ZSTD) >= 0)
    ? 'zstd'
    : 'gzip'
}
