import type { ImageTree } from '../image/image-tree.ts'
import { KnownLayers } from '../image/known-layers.ts'
import type { Inode } from '../image/layer-entry.ts'
import type { ReadOptions } from '../image/read-options.ts'
import { escapeBytes, treeDigest } from '../image/tree-digest.ts'
import { readInventory, wantedByInventory } from '../inventory/read-inventory.ts'
import { compareImages } from '../verify/compare-images.ts'
import type { ImageDifference } from '../verify/difference.ts'
import { type ContentPair, explainDifference, wantedContents } from '../verify/explain-difference.ts'
import type { ComparedImage, ExplainedDifference } from '../verify/explained-difference.ts'
import type { FileOwner } from '../verify/file-causes.ts'
import { findOwners } from '../verify/find-owners.ts'

/** Reads an image. */
export type ReadTree = (options?: Pick<ReadOptions, 'keep' | 'known'>) => Promise<ImageTree>

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
 * Compares two images and names the cause of each difference. A layer that both have is read once; those in which
 * contents differ are read once more, for these contents.
 *
 * @throws {StillroomError} those of reading images
 */
export async function explainImages(a: ImageSource, b: ImageSource): Promise<ExplainedImages> {
  const known = new KnownLayers()
  const left = await a.read({ known, keep: wantedByInventory })
  const right = await b.read({ known, keep: wantedByInventory })
  const difference = compareImages(comparable(left), comparable(right))
  const wanted = new Set(wantedContents(difference))
  const contents = new Map<string, ContentPair>()
  if (wanted.size > 0) {
    const again = new Set([...layersOf(left, wanted), ...layersOf(right, wanted)])
    const options = {
      keep: (path: string) => wanted.has(`/${escapeBytes(path)}`),
      known: known.without(again),
    }
    const olds = filesAt((await a.read(options)).root, wanted)
    const news = filesAt((await b.read(options)).root, wanted)
    for (const [path, { content }] of olds) {
      const other = news.get(path)?.content
      if (content !== undefined && other !== undefined) contents.set(path, { a: content, b: other })
    }
  }
  return {
    a: summaryOf(a.reference, left),
    b: summaryOf(b.reference, right),
    difference: await explainDifference(
      difference,
      contents,
      await ownersOf(left, right, difference, contents),
    ),
  }
}

/** What packages files belong to; nobody is asked when no file differs in what a package gives. */
async function ownersOf(
  a: ImageTree,
  b: ImageTree,
  { files }: ImageDifference,
  contents: ReadonlyMap<string, ContentPair>,
): Promise<Map<string, FileOwner>> {
  const asked = files.filter(({ change, fields }) => change !== 'changed' || fields.includes('content'))
  if (asked.length === 0) return new Map()
  const [old, now] = [await readInventory(a.tree), await readInventory(b.tree)]
  const paths = new Set(asked.map(({ path }) => path))
  return findOwners({ tree: a.tree, ...old }, { tree: b.tree, ...now }, paths, contents)
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

/** Digests of the blobs that hold files. */
function layersOf({ layers, root }: ImageTree, paths: ReadonlySet<string>): string[] {
  const numbers = new Set([...filesAt(root, paths).values()].map(({ layer }) => layer))
  return layers.filter((_, index) => numbers.has(index)).map(({ digest }) => digest)
}

function filesAt(root: ImageTree['root'], paths: ReadonlySet<string>): Map<string, Inode> {
  const found = new Map<string, Inode>()
  const open = [{ path: '', node: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, node] of next.node.children ?? []) {
      const path = `${next.path}/${escapeBytes(name)}`
      if (paths.has(path)) found.set(path, node.inode)
      open.push({ path, node })
    }
  }
  return found
}
