import { z } from 'zod'
import type { FileTree } from '../image/file-tree.ts'
import type { Inventory, PackageManager } from './inventory.ts'
import { Findings } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 4 * 1024 ** 2
/** Directories that Node.js looks into, those of Debian's packages among them. */
const RECORD =
  /^((?:.*\/)?(?:node_modules|usr\/(?:share|lib(?:\/[^/]+-linux-gnu)?)\/nodejs))\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/

const Manifest = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  license: z.unknown().optional(),
})

/**
 * npm packages: `package.json` (npm's documentation of it) of what lies directly in a `node_modules`, however deep that
 * is. npm keeps no list of a package's files: only the record itself is its own.
 */
export const npm: PackageManager = {
  kind: 'npm',
  wants: (path, size) => size <= SIZE_LIMIT && RECORD.test(path),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'npm', work)
    for (const { path } of tree.keptFiles()) {
      const environment = RECORD.exec(path)?.[1]
      const json = environment === undefined ? undefined : findings.json(path)
      if (environment === undefined || json === undefined) continue
      const parsed = Manifest.safeParse(json)
      if (!parsed.success) {
        findings.problem(
          path,
          `it lacks ${parsed.error.issues.map((issue) => issue.path.join('.')).join(', ')}`,
        )
        continue
      }
      const { name, version, license } = parsed.data
      findings.inventory.packages.push({
        kind: 'npm',
        name,
        version,
        record: path,
        environment,
        files: [],
        ...(typeof license === 'string' ? { license } : {}),
      })
    }
    return findings.inventory
  },
}
