import type { FileTree } from '../image/file-tree.ts'
import type { ReadOptions } from '../image/read-options.ts'
import { APK_DATABASES, apk } from './apk.ts'
import { conda } from './conda.ts'
import { cran } from './cran.ts'
import { dpkg, hasMd5 } from './dpkg.ts'
import { git, workTrees } from './git.ts'
import type { InstalledPackage, Inventory, PackageManager } from './inventory.ts'
import { npm } from './npm.ts'
import { python } from './python.ts'
import { rpm } from './rpm.ts'
import { TooMuchWork, Work } from './work.ts'

const MANAGERS: readonly PackageManager[] = [dpkg, apk, rpm, python, conda, npm, cran, git]

/**
 * Whether {@link readInventory} needs a regular file's content: for `keep` of `readImageTree`.
 *
 * @param path below the root, bytes as latin1
 */
export function wantedByInventory(path: string, size: number): boolean {
  return MANAGERS.some((manager) => manager.wants(path, size))
}

/**
 * Whether a package manager may have an md5 of a file: for `md5` of `readImageTree`. Not of what pip installs, which is
 * the most of many images: a distribution leaves that directory alone, and {@link digestsForInventory} says when a
 * package is not of one.
 */
export function md5WantedByInventory(path: string): boolean {
  return !PIP.test(path)
}

const PIP = /^usr\/local\/lib\/python3[^/]*\//

/**
 * Digests beyond sha256 that an image's own package managers give: sha1 with apk, git's object names with checkouts, md5
 * where Debian's packages have none. They cost time on every image and few need them; so the first reading shows, by
 * {@link wantedByInventory}, whether the image must be read once more with these.
 *
 * @param md5 whether md5 sums are wanted at all
 * @returns undefined when no second reading is needed
 */
export function digestsForInventory(
  tree: FileTree,
  { md5 }: { md5: boolean },
): Pick<ReadOptions, 'md5' | 'sha1' | 'gitBlob'> | undefined {
  const places = workTrees(tree).map((path) => (path === '' ? '' : `${path}/`))
  const hasApk = APK_DATABASES.some((path) => tree.find(path) !== undefined)
  const hasLocal = md5 && hasMd5(tree, PIP)
  if (places.length === 0 && !hasApk && !hasLocal) return undefined
  return {
    ...(hasLocal ? { md5: true } : {}),
    sha1: hasApk,
    gitBlob: (path) => places.some((place) => path.startsWith(place)),
  }
}

/**
 * What is installed in an image, by its files alone; they were read with `keep: wantedByInventory`. Data that a package
 * manager left damaged, or that was made to mislead, becomes a problem and no error; so does what takes more work than
 * the image's files account for.
 */
export async function readInventory(tree: FileTree, work = new Work(tree)): Promise<Inventory> {
  const inventories: Inventory[] = []
  for (const manager of MANAGERS) inventories.push(await readManager(manager, tree, work))
  return {
    packages: inventories.flatMap(({ packages }) => packages).sort(comparePackages),
    problems: inventories.flatMap(({ problems }) => problems),
  }
}

async function readManager(manager: PackageManager, tree: FileTree, work: Work): Promise<Inventory> {
  try {
    return await manager.read(tree, work)
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error
    const reason = `reading was ended: there is more to read than ${work.limit} bytes, all that an image of its size needs`
    return { packages: [], problems: [{ kind: manager.kind, path: '', reason }] }
  }
}

function comparePackages(a: InstalledPackage, b: InstalledPackage): number {
  return (
    compare(a.kind, b.kind) ||
    compare(a.environment ?? '', b.environment ?? '') ||
    compare(a.name, b.name) ||
    compare(a.version, b.version) ||
    compare(a.record, b.record)
  )
}

const compare = (a: string, b: string) => Number(a > b) - Number(a < b)
