import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { StillroomError } from '../../error.ts'
import { uncompressed } from '../../formats/decompress.ts'
import { joinPath } from '../../image/columns.ts'
import { FileTree } from '../../image/file-tree.ts'
import type { LayerEntries } from '../../image/layer-entries.ts'
import { LayerReader } from '../../image/layer-reader.ts'
import { mergeLayers } from '../../image/merge-layers.ts'
import { Budget } from '../../image/read-options.ts'
import { wantedByInventory } from '../../inventory/read-inventory.ts'
import type { LockedImageBase } from '../../lock/schema.ts'
import { wantedByApt } from '../../resolve/registry/image-apt-sources.ts'
import type { Artifacts, Cancellation } from '../ports.ts'

/** Account files of /etc. */
const ACCOUNTS = new Set(['etc/passwd', 'etc/group'])

/**
 * The merged files of a base, from its layers in the store, each verified against its diffID; with the content of those
 * that tell what is installed, who the user is, and what apt's sources are.
 *
 * @throws {StillroomError} ARTIFACT_MISMATCH when a layer does not unpack to its diffID; IMAGE_INVALID
 */
export async function readBaseTree(
  { store, signal }: Cancellation & Artifacts,
  { reference, layers }: Pick<LockedImageBase, 'reference' | 'layers'>,
): Promise<FileTree> {
  const keep = (path: string, size: number) =>
    ACCOUNTS.has(path) || wantedByApt(path, size) || wantedByInventory(path, size)
  const budget = new Budget({ keep, signal })
  const entries: LayerEntries[] = []
  for (const { digest, diffID } of layers) {
    const reader = new LayerReader(budget)
    const hash = createHash('sha256')
    const path = store.path(digest.slice('sha256:'.length))
    for await (const bytes of uncompressed(createReadStream(path), budget)) {
      hash.update(bytes)
      reader.write(bytes)
    }
    reader.close()
    const actual = `sha256:${hash.digest('hex')}`
    if (actual !== diffID) {
      throw new StillroomError(
        'ARTIFACT_MISMATCH',
        `cannot use layer ${digest} of ${reference}: unpacked, expected ${diffID}, got ${actual}`,
        { hint: 'the image was put together wrongly: ask for it to be pushed again' },
      )
    }
    const paths = [...reader.entries.places()].map(({ directory, name }) => joinPath(directory, name))
    const broken = paths.find((path) => path.includes('\n'))
    if (broken !== undefined) {
      throw new StillroomError(
        'REGISTRY_IMAGE_UNUSABLE',
        `cannot build on ${reference}: ${JSON.stringify(broken)} has a line break in its path`,
      )
    }
    entries.push(reader.entries)
  }
  return new FileTree(mergeLayers(entries))
}
