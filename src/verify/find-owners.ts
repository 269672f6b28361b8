import { hash } from 'node:crypto'
import type { FileTree } from '../image/file-tree.ts'
import { escapeBytes, unescapeBytes } from '../image/tree-digest.ts'
import type { InstalledPackage, OwnedFile } from '../inventory/inventory.ts'
import type { ContentPair } from './explain-difference.ts'
import type { FileOwner } from './file-causes.ts'

/** One image's side: what is installed, and the tree it was read from. */
export interface OwningImage {
  tree: FileTree
  packages: readonly InstalledPackage[]
}

interface Claim {
  owner: InstalledPackage
  file: OwnedFile
}

/**
 * The packages that files belong to, by path as a difference shows it: of files that both images have, those that they
 * belong to in both.
 *
 * @param paths those that differ
 * @param contents of those that differ and were read; a file whose content is not here counts as not intact, unless its
 *   package gives a sha256
 */
export function findOwners(
  a: OwningImage,
  b: OwningImage,
  paths: ReadonlySet<string>,
  contents: ReadonlyMap<string, ContentPair>,
): Map<string, FileOwner> {
  const left = claimsOf(a, paths)
  const right = claimsOf(b, paths)
  const versions = { a: versionsOf(a), b: versionsOf(b) }
  const owners = new Map<string, FileOwner>()
  for (const path of paths) {
    const [old, now] = [left.get(path), right.get(path)]
    const claim = old ?? now
    if (claim === undefined) continue
    const key = keyOf(claim.owner)
    const isOnlyOne = old === undefined || now === undefined
    if (isOnlyOne ? inBoth(a, b, path) : key !== keyOf(now.owner)) continue
    const pair = contents.get(path)
    owners.set(path, {
      name: `${claim.owner.kind}/${claim.owner.name}`,
      a: versions.a.get(key),
      b: versions.b.get(key),
      intact: !isOnlyOne && isIntact(a.tree, old.file, pair?.a) && isIntact(b.tree, now.file, pair?.b),
    })
  }
  return owners
}

/** A file that both have, and only one image's package claims. */
function inBoth(a: OwningImage, b: OwningImage, path: string): boolean {
  const raw = unescapeBytes(path)
  return a.tree.findLink(raw) !== undefined && b.tree.findLink(raw) !== undefined
}

const versionsOf = ({ packages }: OwningImage) =>
  new Map(packages.map((found) => [keyOf(found), found.version]))

const keyOf = ({ kind, name, environment = '' }: InstalledPackage) => `${kind} ${name} ${environment}`

function claimsOf({ tree, packages }: OwningImage, paths: ReadonlySet<string>): Map<string, Claim> {
  const names = new Set([...paths].map((path) => baseOf(path)))
  const claims = new Map<string, Claim>()
  for (const owner of packages) {
    for (const file of owner.files) {
      if (!names.has(escapeBytes(baseOf(file.path)))) continue
      // a package may call by another way what lies in a directory that became a link
      const path = `/${escapeBytes(tree.findLink(file.path)?.path ?? file.path)}`
      if (paths.has(path)) claims.set(path, { owner, file })
    }
  }
  return claims
}

function isIntact(tree: FileTree, { path, digest }: OwnedFile, content: Buffer | undefined): boolean {
  if (digest?.algorithm === 'sha256') return tree.findLink(path)?.inode.sha256 === digest.value
  if (content === undefined || digest === undefined || digest.algorithm === 'git-blob') return false
  return hash(digest.algorithm, content, 'hex') === digest.value
}

const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
