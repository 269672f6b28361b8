import type { ImageTree } from '../image/image-tree.ts'
import type { Inode } from '../image/layer-entry.ts'
import { MemoryLayerCache } from '../image/layer-source.ts'
import type { ReadOptions } from '../image/read-options.ts'
import { escapeBytes, treeDigest, unescapeBytes } from '../image/tree-digest.ts'
import type { TreeNode } from '../image/tree-node.ts'
import { forgetLists } from '../inventory/forget-lists.ts'
import { readInventory, wantedByInventory } from '../inventory/read-inventory.ts'
import { redactSettings } from './compare-configs.ts'
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
  const difference = compareImages(...comparablePair(left, right))
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
    difference: await explainDifference(difference, contents, {
      owners,
      origins: new Map([...originsOf(left, difference, 'removed'), ...originsOf(right, difference, 'added')]),
    }),
  }
}

/** The image that a lock names, by its locked tree: its files without their contents. */
export interface LockedReference {
  /** What it is called: `lockfile`. */
  reference: string
  id: string
  tree: string
  size: number
  diffIDs: readonly string[]
  root: TreeNode
}

const summaryOfLocked = ({ reference, id, tree, size, diffIDs }: Omit<LockedReference, 'root'>) => ({
  reference,
  id,
  tree,
  size,
  diffIDs: [...diffIDs],
})

/**
 * Compares the image that a lock names with another, by the locked tree. What is in a file is not known then, nor is the
 * config: that counts as the other's.
 *
 * @throws {StillroomError} those of reading images
 */
export async function explainLocked(
  { root, ...locked }: LockedReference,
  b: ImageSource,
): Promise<ExplainedImages> {
  const image = await b.read()
  const right = comparable(image)
  const compared = compareImages({ config: image.config, diffIDs: locked.diffIDs, root }, right)
  // with the same files in the same layers, only the configs can make two IDs
  const isOtherConfig = compared.verdict === 'identical' && image.id !== locked.id
  const difference: ImageDifference = isOtherConfig
    ? { ...compared, verdict: 'equivalent', config: [{ field: 'id', a: locked.id, b: image.id }] }
    : compared
  return {
    a: summaryOfLocked(locked),
    b: summaryOf(b.reference, image),
    difference: await explainDifference(difference, new Map(), {
      origins: new Map(originsOf(image, difference, 'added')),
      unread:
        'the locked tree has no contents: with an image of the lockfile at hand, what differs inside is told',
    }),
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

/** The layer of each file that only this image has, with the command that made it. */
function originsOf(
  { config, tree }: ImageTree,
  { files }: ImageDifference,
  change: 'added' | 'removed',
): [path: string, origin: string][] {
  const commands = layerCommands(config)
  return files.flatMap((file) => {
    const layer = file.change === change ? tree.findLink(unescapeBytes(file.path))?.inode.layer : undefined
    const command = layer === undefined ? undefined : commands[layer]
    return layer === undefined ? [] : [[file.path, `layer ${layer}${command ? `: ${command}` : ''}`]]
  })
}

/** What made each layer, by the config's history, credentials left out. */
function layerCommands({ history }: ImageTree['config']): string[] {
  if (!Array.isArray(history)) return []
  return history
    .filter((entry) => entry?.empty_layer !== true)
    .map((entry) => redactSettings(String(entry?.created_by ?? '')).slice(0, 200))
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

/** A SIF has no config: that of the other counts. */
function comparablePair(a: ImageTree, b: ImageTree) {
  const [left, right] = [comparable(a), comparable(b)]
  return [
    a.sif ? { ...left, config: right.config } : left,
    b.sif ? { ...right, config: left.config } : right,
  ] as const
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
