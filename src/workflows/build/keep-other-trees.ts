import { otherImageStage } from '../../dockerfile/render-dockerfile.ts'
import { buildImage } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { removeImage, saveImage } from '../../engine/find-image.ts'
import { readImageTree } from '../../image/read-archive.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { copiedNames } from '../../lock/other-recipes.ts'
import type { Artifacts, Cache, Cancellation, Reporting } from '../ports.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { builderPath } from './builder-path.ts'
import { keepImageTree } from './keep-image-tree.ts'

/**
 * Keeps the trees of the recipes that a recipe takes files from, which audits go by: those that the store lacks are read from
 * the stages that its build has just made of them.
 *
 * @param context directory of the build context
 */
export async function keepOtherTrees(
  ports: Artifacts & Cache & Cancellation & Reporting,
  engine: Engine,
  { loaded: { name, recipe }, locked }: Pick<LockedRecipe, 'loaded' | 'locked'>,
  { context, builder }: { context: string; builder: string | undefined },
): Promise<void> {
  const { signal, progress } = ports
  for (const other of copiedNames(locked)) {
    const image = locked.recipes?.[other]?.image
    if (image === undefined) continue
    await keepImageTree(ports, image, async () => {
      const tag = `stillroom/${name}:files-${process.pid}`
      try {
        await using from = await builderPath(ports, context, name)
        const target = otherImageStage(other)
        await buildImage({
          ...{ context: from.path, target, platform: recipe.platform, epoch: locked.epoch },
          ...{ tag, builder, signal },
        })
        const tree = await readImageTree(await saveImage(engine, tag), { signal })
        if (treeDigest(tree.root) !== image.tree)
          progress({
            kind: 'note',
            text: `what was built of recipe ${other} is not the image that its lock names: stillroom build recipe ${other}`,
          })
        return tree
      } finally {
        await removeImage(engine, tag)
      }
    })
  }
}
