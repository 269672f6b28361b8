import type { ImageTree } from '../image/image-tree.ts'
import type { Inode } from '../image/layer-entry.ts'
import { MemoryLayerCache } from '../image/layer-source.ts'
import type { ReadOptions } from '../image/read-options.ts'
import { escapeBytes, treeDigest, unescapeBytes } from '../image/tree-digest.ts'
import { forgetLists } from '../inventory/forget-lists.ts'
import { readInventory, wantedByInventory } from '../inventory/read-inventory.ts'
import { compareImages } from './compare-images.ts'
import type { ImageDifference } from './difference.ts'
import { type ContentPair, explainDifference, wantedContents } from './explain-difference.ts'
import type { ComparedImage, ExplainedDifference } from './explained-difference.ts'
import type { FileOwner } from './file-causes.ts'
import { findOwners } from './find-owners.ts'

/** Reads an image. */
export type ReadTree = (options?: Pick<ReadOptions, 'keep' | 'cache'>) => Promise<ImageTree>

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

/** Reads two images: whole, or what may differ between them. */
export type ReadBoth = (
  options: Pick<ReadOptions, 'keep' | 'cache'>,
) => Promise<{ a: ImageTree; b: ImageTree; whole: boolean }>

/**
 * Compares two images and names the cause of each difference. A layer that both have is read once; those in which
 * contents differ are read once more, for contents that were not kept the first time.
 *
 * @param readBoth a quicker way to read them, when there is one
 * @throws {StillroomError} those of reading images
 */
export async function explainImages(
  a: ImageSource,
  b: ImageSource,
  readBoth: ReadBoth = async (options) => ({
    a: await a.read(options),
    b: await b.read(options),
    whole: true,
  }),
): Promise<ExplainedImages> {
  const cache = new MemoryLayerCache()
  const { a: left, b: right, whole } = await readBoth({ cache, keep: wantedByInventory })
  const difference = compareImages(comparable(left), comparable(right))
  const wanted = new Set(wantedContents(difference))
  const contents = contentPairs(left, right, wanted)
  const missing = new Set([...wanted].filter((path) => !contents.has(path)))
  if (missing.size > 0) {
    const more = await readBoth({ cache, keep: (path) => missing.has(`/${escapeBytes(path)}`) })
    for (const [path, pair] of contentPairs(more.a, more.b, missing)) contents.set(path, pair)
  }
  const owners = await ownersOf(left, right, difference, contents)
  return {
    a: summaryOf(a.reference, left, whole),
    b: summaryOf(b.reference, right, whole),
    difference: await explainDifference(difference, contents, owners),
  }
}

function contentPairs(a: ImageTree, b: ImageTree, paths: ReadonlySet<string>): Map<string, ContentPair> {
  const pairs = new Map<string, ContentPair>()
  const news = filesAt(b.root, paths)
  for (const [path, { content }] of filesAt(a.root, paths)) {
    const other = news.get(path)?.content
    if (content !== undefined && other !== undefined) pairs.set(path, { a: content, b: other })
  }
  return pairs
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
  const raw = asked.map(({ path }) => unescapeBytes(path.slice(1)))
  for (const { tree } of [a, b]) forgetLists(tree, raw)
  const old = await readInventory(a.tree)
  // notes of package managers are files: when none of these differs, all is installed that was
  const same = !files.some(({ path, a, b }) =>
    wantedByInventory(path.slice(1), Math.max(a?.size ?? 0, b?.size ?? 0)),
  )
  const now = same ? old : await readInventory(b.tree)
  const paths = new Set(asked.map(({ path }) => path))
  return findOwners({ tree: a.tree, ...old }, { tree: b.tree, ...now }, paths, contents)
}

/** What a report says of an image that was read, whole or in part. */
export function summaryOf(
  reference: string,
  { id, config, layers, root }: ImageTree,
  whole = true,
): ComparedImage {
  const size = layers.reduce((sum, layer) => sum + layer.size, 0)
  return { reference, id, ...(whole ? { tree: treeDigest(root), size } : {}), diffIDs: diffIDsOf(config) }
}

function comparable({ config, root }: ImageTree) {
  return { config, diffIDs: diffIDsOf(config), root }
}

const diffIDsOf = ({ rootfs }: ImageTree['config']) => rootfs.diff_ids

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
