import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { auditImage } from '../../src/audit/audit-image.ts'
import type { AuditResult } from '../../src/audit/audit-report.ts'
import { countLockedLayers, type ImageSubject, type LockSubject } from '../../src/audit/subject.ts'
import { headWantedByAudit, wantedByAudit } from '../../src/audit/wanted-by-audit.ts'
import { openImage } from '../../src/image/open-image.ts'
import type { TreeNode } from '../../src/image/tree-node.ts'
import { readInventory, wantedByInventory } from '../../src/inventory/read-inventory.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import { recordedRecipe } from '../../src/lock/recorded-recipe.ts'
import { readLockedContents } from '../../src/workflows/audit/read-locked-contents.ts'
import { openSession } from '../../src/workflows/session.ts'

const { signal } = new AbortController()

/** A recipe's lock with all that its artifacts hold, which are in the store. */
export async function readLocked(root: string, name: string): Promise<Omit<LockSubject, 'layers'>> {
  const path = `recipes/${name}/lock.json`
  const session = await openSession({ directory: root, env: process.env, signal, progress: () => {} })
  const lockfile = parseLock(await readFile(join(root, path), 'utf8'), path)
  const recipe = recordedRecipe(lockfile)
  const locked = lockfile.platforms[recipe.platform]
  if (locked === undefined) throw new Error(`${path} has nothing for ${recipe.platform}`)
  const contents = await readLockedContents(session, locked, root, async () => {})
  return { lockfile, platform: recipe.platform, locked, recipe, contents }
}

/** An image of the engine, read as for an audit; with the tree of the layers of a lock, where it has them among others. */
export async function readForAudit(
  name: string,
  { locked }: Pick<LockSubject, 'locked'>,
): Promise<ImageSubject & { inner: TreeNode | undefined }> {
  const { reference, id, config, layers, tree, covered, inner } = await openImage({ signal }, name, {
    platform: 'linux/amd64',
    keep: (path, size) => wantedByAudit(path, size) || wantedByInventory(path, size),
    head: headWantedByAudit,
    inner: locked.image?.diffIDs ?? [],
  })
  return { reference, id, config, layers, tree, covered, inner, inventory: await readInventory(tree) }
}

/** What an audit says: by the rules alone, when there is no locked tree. */
export function auditInMemory(
  image: ImageSubject,
  lock: Omit<LockSubject, 'layers'>,
  { tree, strict = false }: { tree?: TreeNode | undefined; strict?: boolean } = {},
): AuditResult {
  const layers = countLockedLayers(image.layers, lock.locked)
  const subject = { ...lock, layers, ...(tree && { tree }) }
  return auditImage(image, subject, { ignore: [], today: '2030-01-01', strict })
}
