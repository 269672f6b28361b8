import { compareTrees } from '../image/compare-trees.ts'
import type { TreeNode } from '../image/tree-node.ts'
import { type ConfigData, compareConfigs } from './compare-configs.ts'
import type { ImageDifference, LayerDifference } from './difference.ts'

/** What a comparison needs of an image. */
export interface ComparableImage {
  config: ConfigData
  /** DiffIDs, lowest first. */
  diffIDs: readonly string[]
  /** The merged tree. */
  root: TreeNode
}

/**
 * Everything by which image b differs from image a. Of an image with itself nothing, and of b with a the same with
 * the sides exchanged.
 */
export function compareImages(a: ComparableImage, b: ComparableImage): ImageDifference {
  const config = compareConfigs(a.config, b.config)
  const layers = compareLayers(a.diffIDs, b.diffIDs)
  const files = compareTrees(a.root, b.root)
  return { verdict: verdictOf({ config, layers, files }), config, layers, files }
}

function verdictOf({ config, layers, files }: Omit<ImageDifference, 'verdict'>): ImageDifference['verdict'] {
  if (files.length > 0 || !config.every(({ field }) => isPackaging(field))) return 'different'
  return config.length === 0 && layers.length === 0 ? 'identical' : 'equivalent'
}

/** Says how and when an image was built and changes nothing of what it does. */
function isPackaging(field: string): boolean {
  return /^(created|author|history|moby\.|container|docker_version|comment|parent|throwaway|Size|id)/.test(
    field,
  )
}

function compareLayers(a: readonly string[], b: readonly string[]): LayerDifference[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => {
    const left = a[index]
    const right = b[index]
    return {
      index,
      ...(left === undefined ? {} : { a: left }),
      ...(right === undefined ? {} : { b: right }),
    }
  }).filter((layer) => layer.a !== layer.b)
}
