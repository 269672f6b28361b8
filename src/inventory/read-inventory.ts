import type { FileTree } from '../image/file-tree.ts'
import { dpkg } from './dpkg.ts'
import type { InstalledPackage, Inventory, PackageManager } from './inventory.ts'
import { python } from './python.ts'

const MANAGERS: readonly PackageManager[] = [dpkg, python]

/**
 * Whether {@link readInventory} needs a regular file's content: for `keep` of `readImageTree`.
 *
 * @param path below the root, bytes as latin1
 */
export function wantedByInventory(path: string, size: number): boolean {
  return MANAGERS.some((manager) => manager.wants(path, size))
}

/**
 * What is installed in an image, by its files alone; they were read with `keep: wantedByInventory`. Data that a package
 * manager left damaged, or that was made to mislead, becomes a problem and no error.
 */
export async function readInventory(tree: FileTree): Promise<Inventory> {
  const inventories: Inventory[] = []
  for (const manager of MANAGERS) inventories.push(await manager.read(tree))
  return {
    packages: inventories.flatMap(({ packages }) => packages).sort(comparePackages),
    problems: inventories.flatMap(({ problems }) => problems),
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
