import { expectInventory } from '../../audit/expect/expect-installed.ts'
import { packageId } from '../../audit/expect/locked-packages.ts'
import { showPath } from '../../audit/finding.ts'
import type { FileTree, TreeFile } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { Inventory } from '../../inventory/inventory.ts'
import { isBelow } from '../copied-files.ts'
import { ACCOUNT_FILES, sameAccounts } from './accounts.ts'
import { leftoverAt } from './leftovers.ts'

/** An image as it was read. */
export interface ImageSide {
  tree: FileTree
  inventory: Inventory
}

/** What became of a file of the original in the image that was built. */
export type Fate =
  /** The same bytes, from what the lock names. */
  | 'equal'
  /** Another version of the same package, or made anew by a program of one. */
  | 'explained'
  /** The same bytes, from the archive beside the recipe. */
  | 'carried'
  /** It is not there, or is another. */
  | 'unknown'

export interface RebuiltFile {
  /** With a slash in front; bytes that are not printable ASCII are written `%XX`. */
  path: string
  size: number
  reason: string
}

export interface RebuiltComparison {
  /** Regular files of the original that an image needs, hard links once: all but what is dropped or withheld. */
  files: number
  bytes: number
  /** Of these. A share is of bytes, 0 to 1. */
  shares: Record<Fate, { files: number; bytes: number; share: number }>
  /** Why files are explained, most bytes first. */
  explained: { reason: string; files: number; bytes: number }[]
  /** By path. */
  carried: RebuiltFile[]
  unknown: RebuiltFile[]
  /** What work left behind and no image needs, by kind, most bytes first. */
  dropped: { reason: string; files: number; bytes: number }[]
  /** Files with credentials, by path: what they hold is in no file that was written. */
  withheld: RebuiltFile[]
}

/** A file that no step brings. */
export interface FileToCarry extends TreeFile {
  /** Whether it holds what its package says that it does. */
  isIntact: boolean
}

/** A file that no step brings, with the content of one that a step brings elsewhere. */
export interface FileToCopy extends TreeFile {
  from: string
}

/** What must be done to an image that was built for it to be as the original. Paths are below the root, bytes as latin1. */
export interface Repairs {
  /** To be put there, parents first. */
  carry: FileToCarry[]
  /** To be copied there before anything is taken away; their permissions and owners are among the attributes. */
  copy: FileToCopy[]
  /** To be taken away: an end with a slash is a directory. */
  remove: string[]
  /** Permissions and owners that differ where the content doesn't. */
  attributes: TreeFile[]
}

export interface CompareRebuiltOptions {
  /** Whether an audit of the original without a lock found that a path, as findings show it, is nobody's or was changed. */
  isFound: (path: string) => boolean
  /** Work trees of clones: their `.git` stays behind. */
  clones: readonly string[]
  /** Files that are in the archive beside the recipe. */
  carried?: ReadonlySet<string>
  /** Files that hold credentials, with what they hold. */
  withheld?: ReadonlyMap<string, string>
  /** Why a file that should be carried is not, by its path. */
  left?: ReadonlyMap<string, string>
}

/** Compares an original with the image of its adopted recipe, file by file: what is equal, what explains the rest. */
export function compareRebuilt(
  original: ImageSide,
  built: ImageSide,
  options: CompareRebuiltOptions,
): { comparison: RebuiltComparison; repairs: Repairs } {
  const { isFound, clones, carried = new Set(), withheld = new Map(), left = new Map() } = options
  const expected = expectInventory(original)
  const installed = { original: versionsOf(original), built: versionsOf(built) }
  const tally = new Tally()
  const repairs: Repairs = { carry: [], copy: [], remove: [], attributes: [] }
  const placed = placedFiles(built.tree)
  const inTheWay: string[] = []
  const counted = new Set<Inode>()
  const isBehind = (path: string) =>
    clones.some((clone) => isBelow(path, clone === '' ? '.git' : `${clone}/.git`))

  for (const { path, inode } of original.tree.files()) {
    const isOnce = !(inode.isShared && counted.has(inode))
    counted.add(inode)
    const count = (fate: Fate | 'dropped' | 'withheld', reason = '') => {
      if (inode.type === 'file' && (isOnce || fate === 'withheld')) tally.add(fate, path, inode.size, reason)
    }
    const twin = twinOf(built.tree, path, inode)
    const entry = expected.at(path).at(-1)
    const owner = entry?.owner
    const secret = withheld.get(path)
    if (secret !== undefined) {
      count('withheld', secret)
      continue
    }
    const isCarried = carried.has(path)
    const dropped = isBehind(path) ? 'histories of clones' : leftoverOf(path, original.tree)
    if (twin !== undefined && isSame(inode, twin)) {
      count(isCarried ? 'carried' : 'equal', isCarried ? whose(owner) : '')
      const version = { a: installed.original.get(owner ?? ''), b: installed.built.get(owner ?? '') }
      const isSet =
        isCarried || dropped !== undefined || version.a !== version.b || sameAttributes(inode, twin)
      if (!isSet) repairs.attributes.push({ path, inode })
      continue
    }
    if (dropped !== undefined) {
      count('dropped', dropped)
      continue
    }
    if (isCarried && ACCOUNT_FILES.has(path)) {
      count('carried', 'accounts')
      continue
    }
    const why = explain({ path, inode, owner, twin }, installed, isFound)
    if (why !== undefined) {
      count('explained', why)
      continue
    }
    if (inode.type === 'character' || inode.type === 'block') continue
    const isIntact = entry?.digest !== undefined && !isFound(showPath(path)) && !owner?.startsWith('git/')
    if (!isCarried) {
      const from = inode.type === 'file' && isLine(path) ? placed.get(inode.sha256) : undefined
      if (from === undefined) repairs.carry.push({ path, inode, isIntact })
      else {
        repairs.copy.push({ path, inode, from })
        repairs.attributes.push({ path, inode })
      }
      // a directory makes way for nothing else by itself, nor anything else for a directory
      if (twin !== undefined && (twin.type === 'directory') !== (inode.type === 'directory'))
        inTheWay.push(path)
    }
    count('unknown', left.get(path) ?? whose(owner, isFound(showPath(path))))
  }
  for (const { path, inode } of built.tree.files()) {
    const line = inode.type === 'directory' ? `${path}/` : path
    if (inTheWay.some((each) => isBelow(path, each))) {
      repairs.remove.unshift(line)
      continue
    }
    if (original.tree.findLink(path)?.path === path || leftoverOf(path, built.tree) !== undefined) continue
    const owner = expected.at(path).at(-1)?.owner
    const isSameVersion = installed.original.get(owner ?? '') === installed.built.get(owner ?? '')
    if (owner !== undefined && (inode.type === 'directory' || isSameVersion)) repairs.remove.unshift(line)
  }
  return { comparison: tally.result(), repairs }
}

/** Smaller files are somebody's own, also when they happen to be those of a package: an empty one, a licence. */
const COPIED_FROM = 4096

/** Where a tree has what content, by its sha256. */
function placedFiles(tree: FileTree): ReadonlyMap<string | undefined, string> {
  const placed = new Map<string | undefined, string>()
  for (const { path, inode } of tree.files())
    if (inode.type === 'file' && inode.size >= COPIED_FROM && isLine(path) && !placed.has(inode.sha256))
      placed.set(inode.sha256, path)
  return placed
}

/** Whether a line of a list can hold a path, also one that a shell splits into words. */
export const isLine = (path: string) => !path.includes('\n') && path === path.trim()

/** What explains that a file of the original is not the same in the image that was built; undefined when nothing does. */
function explain(
  { path, inode, owner, twin }: TreeFile & { owner: string | undefined; twin: Inode | undefined },
  installed: Record<'original' | 'built', ReadonlyMap<string, string>>,
  isFound: (path: string) => boolean,
): string | undefined {
  if (ACCOUNT_FILES.has(path))
    return twin !== undefined && sameAccounts(path, inode.content, twin.content)
      ? 'the same accounts, in another order'
      : undefined
  // of the packages that are there, in their versions
  if (RECORDS.test(path)) return 'records of dpkg and apt'
  // somebody's own work, whatever version of its package there is
  if (isFound(showPath(path))) return undefined
  const before = installed.original.get(owner ?? '')
  const after = installed.built.get(owner ?? '')
  if (owner !== undefined && after !== undefined && before !== after)
    return `${owner} is ${after} in the lock, ${before} in the image`
  // where a link leads may have been chosen, as that of an alternative
  if (inode.type !== 'file' || twin?.type !== 'file' || ALTERNATIVES.test(path)) return undefined
  if (PIP_NOTES.test(path)) return 'lists of what pip installed'
  // a file of a package may have been edited, also where its package has no sum of it
  return owner === undefined ? 'written by programs of packages as they are installed' : undefined
}

/** It names the byte code that was made with it. */
const PIP_NOTES = /\.dist-info\/RECORD$/

const ALTERNATIVES = /^var\/lib\/dpkg\/alternatives\//

const RECORDS = /^var\/lib\/(dpkg\/(?!alternatives\/)|apt\/extended_states$)/

const whose = (owner: string | undefined, isChanged = true) =>
  owner === undefined ? 'of no package' : isChanged ? `changed, of ${owner}` : `${owner} is not in the lock`

function versionsOf({ inventory }: ImageSide): Map<string, string> {
  return new Map(inventory.packages.map((each) => [packageId(each), each.version]))
}

/** What a program finds at the same path: `bin` may be a directory of one image, and in `usr` of the other. */
function twinOf(tree: FileTree, path: string, { type }: Inode): Inode | undefined {
  return (type === 'directory' ? tree.find(path) : tree.findLink(path))?.inode
}

function isSame(a: Inode, b: Inode): boolean {
  if (a.type !== b.type) return false
  if (a.type === 'file') return a.sha256 === b.sha256
  return a.target === b.target && a.major === b.major && a.minor === b.minor
}

const sameAttributes = (a: Inode, b: Inode) => a.mode === b.mode && a.uid === b.uid && a.gid === b.gid

/** The kind of leftover that a path is: byte code is one where its source is at hand. */
function leftoverOf(path: string, tree: FileTree): string | undefined {
  if (/\.py[co]$/.test(path)) return sourceOf(path, tree) === undefined ? undefined : leftoverAt(path)
  return leftoverAt(path)
}

/** The source of a file of byte code, where the tree has it. */
function sourceOf(path: string, tree: FileTree): string | undefined {
  const [, directory = '', name] =
    /^(.*?)__pycache__\/([^/]+?)\.[^/]*\.py[co]$/.exec(path) ?? /^(.*?)([^/]+)\.py[co]$/.exec(path) ?? []
  const source = name === undefined ? undefined : `${directory}${name}.py`
  return source !== undefined && tree.findLink(source) !== undefined ? source : undefined
}

interface Count {
  files: number
  bytes: number
}

class Tally {
  readonly #sums: Record<Fate, Count> = {
    equal: { files: 0, bytes: 0 },
    explained: { files: 0, bytes: 0 },
    carried: { files: 0, bytes: 0 },
    unknown: { files: 0, bytes: 0 },
  }
  readonly #reasons = { explained: new Map<string, Count>(), dropped: new Map<string, Count>() }
  readonly #listed: Record<'carried' | 'unknown' | 'withheld', RebuiltFile[]> = {
    carried: [],
    unknown: [],
    withheld: [],
  }

  add(fate: Fate | 'dropped' | 'withheld', path: string, size: number, reason: string): void {
    if (fate !== 'dropped' && fate !== 'withheld') addTo(this.#sums[fate], size)
    if (fate === 'explained' || fate === 'dropped') {
      const known = this.#reasons[fate].get(reason) ?? { files: 0, bytes: 0 }
      this.#reasons[fate].set(reason, known)
      addTo(known, size)
    } else if (fate !== 'equal') this.#listed[fate].push({ path: showPath(path), size, reason })
  }

  result(): RebuiltComparison {
    const all = Object.values(this.#sums)
    const files = all.reduce((sum, each) => sum + each.files, 0)
    const bytes = all.reduce((sum, each) => sum + each.bytes, 0)
    const share = (fate: Fate) => ({
      ...this.#sums[fate],
      share: bytes === 0 ? (fate === 'equal' ? 1 : 0) : this.#sums[fate].bytes / bytes,
    })
    return {
      files,
      bytes,
      shares: {
        equal: share('equal'),
        explained: share('explained'),
        carried: share('carried'),
        unknown: share('unknown'),
      },
      explained: byBytes(this.#reasons.explained),
      ...this.#listed,
      dropped: byBytes(this.#reasons.dropped),
    }
  }
}

function addTo(count: Count, size: number): void {
  count.files += 1
  count.bytes += size
}

function byBytes(reasons: ReadonlyMap<string, Count>) {
  return [...reasons]
    .map(([reason, sum]) => ({ reason, ...sum }))
    .sort((a, b) => b.bytes - a.bytes || (a.reason < b.reason ? -1 : 1))
}
