import type { FileTree } from '../../image/file-tree.ts'
import type { InstalledPackage, Inventory } from '../../inventory/inventory.ts'
import type { ImageSubject } from '../subject.ts'
import { builtNotes, type SourceMetadata } from './built-notes.ts'
import { ExpectedFiles } from './expected-files.ts'
import type { ContentFile } from './locked-contents.ts'
import { packageId } from './locked-packages.ts'
import type { PackageScripts } from './script-effects.ts'

const NO_HASH = 'its package gives no hash of it'

/** What the packages of an image say of themselves: all that is expected when there is no lock. */
export function expectInventory({
  tree,
  inventory,
}: {
  tree: FileTree
  inventory: Inventory
}): ExpectedFiles {
  const expected = new ExpectedFiles(tree, installedScripts(tree))
  const isExcluded = excludedPaths(tree)
  const isOfSystem = ({ kind }: InstalledPackage) => kind === 'deb' || kind === 'apk' || kind === 'rpm'
  for (const found of inventory.packages)
    if (isOfSystem(found)) expectInstalled(expected, tree, found, isExcluded)
  // what such a package brought is its own, whatever the files say that came along
  for (const found of inventory.packages)
    if (!isOfSystem(found) && expected.at(expected.place(found.record)).length === 0)
      expectInstalled(expected, tree, found)
  return expected
}

/** Maintainer scripts as dpkg keeps them. */
function installedScripts(tree: FileTree): PackageScripts[] {
  const directory = 'var/lib/dpkg/info'
  return tree.list(directory).flatMap((file) => {
    const [, name] = /^([^:]+)(?::[^:]+)?\.(?:preinst|postinst)$/.exec(file) ?? []
    const text = name && tree.read(`${directory}/${file}`)?.toString('latin1')
    return name && text ? [{ name, texts: [text] }] : []
  })
}

/** What a package says of itself in the image, where there is no artifact to compare it with. */
export function expectInstalled(
  expected: ExpectedFiles,
  tree: FileTree,
  found: InstalledPackage,
  isExcluded: (path: string) => boolean = () => false,
): void {
  const owner = packageId(found)
  // reported as such, with its checkout
  const changed = new Set(found.modified)
  const add = (
    path: string,
    digest: InstalledPackage['files'][number]['digest'],
    configuration?: boolean,
  ) => {
    const place = expected.place(path)
    const type = tree.findLink(place)?.inode.type ?? 'file'
    expected.add(path, {
      owner,
      type,
      ...(configuration ? { configuration } : {}),
      ...(digest === undefined || type !== 'file' || changed.has(path) ? { generated: NO_HASH } : { digest }),
      ...(isExcluded(path) || changed.has(path) || /(^|\/)__pycache__\//.test(path)
        ? { optional: true }
        : {}),
    })
  }
  for (const { path, digest, configuration } of found.files) add(path, digest, configuration)
  if (!found.files.some(({ path }) => path === found.record)) add(found.record, undefined)
}

/**
 * What a wheel that was built from a locked source distribution brings: files of the distribution itself are
 * compared with it, what was made of it with the RECORD.
 */
export function expectBuilt(
  expected: ExpectedFiles,
  { tree, inventory }: Pick<ImageSubject, 'tree' | 'inventory'>,
  found: InstalledPackage,
  sources: readonly ContentFile[],
  metadata: SourceMetadata,
): void {
  const owner = packageId(found)
  const isInstalled = (name: string, version: string) =>
    inventory.packages.some((each) => each.kind === 'pypi' && each.name === name && each.version === version)
  for (const [path, value] of builtNotes(tree, found, metadata, isInstalled))
    if (found.files.some((each) => each.path === path))
      expected.add(path, {
        ...{ owner, type: 'file', uid: 0, gid: 0, atMost: 0o644, generated: BUILT_NOTES },
        digest: { algorithm: 'sha256', value },
      })
  const oneOf = new Set(sources.map(({ sha256 }) => sha256))
  for (const { path, digest } of found.files) {
    if (path.endsWith('.pyc')) continue
    expected.add(path, { owner, type: 'file', oneOf, atMost: 0o755, uid: 0, gid: 0 })
    expected.add(path, {
      owner,
      type: 'file',
      ...(digest === undefined ? {} : { digest }),
      generated: 'built from the locked source distribution',
      unchecked: true,
    })
  }
}

const BUILT_NOTES = 'notes of a wheel that was built from the locked source distribution'

/** Paths that dpkg is configured to leave out (dpkg(1), "--path-exclude"): the last pattern that matches decides. */
function excludedPaths(tree: FileTree): (path: string) => boolean {
  const patterns = tree
    .list('etc/dpkg/dpkg.cfg.d')
    .flatMap((name) => (tree.read(`etc/dpkg/dpkg.cfg.d/${name}`)?.toString('latin1') ?? '').split('\n'))
    .flatMap((line) => {
      const [, kind, glob = ''] = /^path-(exclude|include)[= ]"?([^"]*)"?$/.exec(line.trim()) ?? []
      if (kind === undefined) return []
      const source = glob
        .replaceAll(/[.+^${}()|\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')
      return [{ excludes: kind === 'exclude', pattern: new RegExp(`^${source}$`, 's') }]
    })
  return (path) => patterns.findLast(({ pattern }) => pattern.test(`/${path}`))?.excludes ?? false
}
