import { readInstalledDebs } from '../../adopt/image/deb-requests.ts'
import type { DraftImageOptions } from '../../adopt/image/draft-image.ts'
import { suiteOf } from '../../adopt/image/draft-image.ts'
import { packageId } from '../../audit/expect/locked-packages.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import { wantedByAudit } from '../../audit/wanted-by-audit.ts'
import { StillroomError } from '../../error.ts'
import type { FileTree } from '../../image/file-tree.ts'
import { openImage } from '../../image/open-image.ts'
import { readInventory, wantedByInventory } from '../../inventory/read-inventory.ts'
import { registryImages } from '../registry-images.ts'
import type { Session } from '../session.ts'

/**
 * What the recipe of an image stands on: the suite of Debian that it is of, or the image of a registry that it begins with.
 *
 * @param wanted `auto`, or that image
 * @throws {StillroomError} IMAGE_UNADOPTABLE; those of reading images
 */
export async function chooseImageBase(
  session: Session,
  { reference, tree, layers }: ImageSubject,
  wanted: string,
): Promise<Pick<DraftImageOptions, 'base' | 'below'>> {
  if (wanted === 'auto') {
    const { suite, name } = suiteOf(tree)
    if (suite !== undefined) return { base: { kind: 'debian', suite } }
    throw new StillroomError(
      'IMAGE_UNADOPTABLE',
      `${reference} is ${name}, which is no suite of Debian that a recipe can have`,
      {
        hint: 'name the image of a registry that it was made from: --base REGISTRY/NAME:TAG',
      },
    )
  }
  session.progress({ kind: 'stage', title: `reading ${wanted}` })
  const base = await openImage(session, `docker://${wanted}`, {
    registry: registryImages(session),
    platform: 'linux/amd64',
    keep: (path, size) => wantedByInventory(path, size) || wantedByAudit(path, size),
  })
  const other = base.layers.findIndex(({ diffID }, index) => layers[index]?.diffID !== diffID)
  // what `docker import` makes has one layer: whether it was made from that base, only the comparison tells
  const isSquashed = layers.length === 1 && releaseOf(tree) !== '' && releaseOf(tree) === releaseOf(base.tree)
  if (other !== -1 && !isSquashed)
    throw new StillroomError(
      'IMAGE_UNADOPTABLE',
      `${reference} was not made from ${wanted}: layer ${other + 1} of ${base.layers.length} is another`,
      { hint: 'name the very image that it was made from, perhaps by its digest; or leave --base out' },
    )
  const { packages } = await readInventory(base.tree)
  return {
    base: { kind: 'image', reference: wanted },
    below: {
      debs: new Set(readInstalledDebs(base.tree).map(({ name }) => name)),
      packages: new Set(packages.map(packageId)),
      config: base.config,
    },
  }
}

const releaseOf = (tree: FileTree) =>
  (tree.read('etc/os-release') ?? tree.read('usr/lib/os-release'))?.toString('latin1') ?? ''
