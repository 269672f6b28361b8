import type { ImageTree } from '../image/image-tree.ts'
import { escapeBytes, treeDigest } from '../image/tree-digest.ts'
import { compareImages } from '../verify/compare-images.ts'
import { type ContentPair, explainDifference, wantedContents } from '../verify/explain-difference.ts'
import type { ComparedImage, ExplainedDifference } from '../verify/explained-difference.ts'

/** Reads an image; with the contents of the regular files that `keep` asks for, by their path (latin1). */
export type ReadTree = (keep?: (path: string) => boolean) => Promise<ImageTree>

/** An image to compare, by a way to read it. */
export interface ImageSource {
  reference: string
  read: ReadTree
}

export interface ExplainedImages {
  a: ComparedImage
  b: ComparedImage
  difference: ExplainedDifference
}

/**
 * Compares two images and names the cause of each difference. Both are read once for their digests, and once more for
 * the contents of those files that differ; images with the same ID only once.
 *
 * @throws {StillroomError} those of reading images
 */
export async function explainImages(a: ImageSource, b: ImageSource): Promise<ExplainedImages> {
  const left = await a.read()
  const right = await b.read()
  const difference = compareImages(comparable(left), comparable(right))
  const wanted = new Set(wantedContents(difference))
  const contents = wanted.size === 0 ? new Map() : await readContents(a, b, wanted)
  return {
    a: summaryOf(a.reference, left),
    b: summaryOf(b.reference, right),
    difference: await explainDifference(difference, contents),
  }
}

/** What a report says of an image that was read. */
export function summaryOf(reference: string, { id, layers, root }: ImageTree): ComparedImage {
  return {
    reference,
    id,
    tree: treeDigest(root),
    size: layers.reduce((sum, layer) => sum + layer.size, 0),
    diffIDs: layers.map(({ diffID }) => diffID),
  }
}

function comparable({ config, layers, root }: ImageTree) {
  return { config, diffIDs: layers.map(({ diffID }) => diffID), root }
}

async function readContents(
  a: ImageSource,
  b: ImageSource,
  wanted: ReadonlySet<string>,
): Promise<Map<string, ContentPair>> {
  const keep = (path: string) => wanted.has(`/${escapeBytes(path)}`)
  const left = contentsOf((await a.read(keep)).root, wanted)
  const right = contentsOf((await b.read(keep)).root, wanted)
  const pairs = new Map<string, ContentPair>()
  for (const path of wanted) {
    const pair = { a: left.get(path), b: right.get(path) }
    if (pair.a !== undefined && pair.b !== undefined) pairs.set(path, { a: pair.a, b: pair.b })
  }
  return pairs
}

function contentsOf(root: ImageTree['root'], wanted: ReadonlySet<string>): Map<string, Buffer> {
  const contents = new Map<string, Buffer>()
  const open = [{ path: '', node: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, node] of next.node.children ?? []) {
      const path = `${next.path}/${escapeBytes(name)}`
      if (node.inode.content !== undefined && wanted.has(path)) contents.set(path, node.inode.content)
      open.push({ path, node })
    }
  }
  return contents
}
