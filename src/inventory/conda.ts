import { z } from 'zod'
import type { FileTree } from '../image/file-tree.ts'
import { bareUrl } from '../net/redact-url.ts'
import type { InstalledPackage, Inventory, OwnedFile, PackageManager } from './inventory.ts'
import { Findings, parentOf, resolvePath, toBytes } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 32 * 1024 ** 2
const RECORD = /(?:^|\/)conda-meta\/[^/]+\.json$/

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Metadata = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  subdir: z.string().optional(),
  url: z.string().optional(),
  license: z.string().nullish(),
  files: z.array(z.string()).default([]),
  paths_data: z
    .object({
      paths: z.array(
        z.object({ _path: z.string(), sha256: Sha256.nullish(), sha256_in_prefix: Sha256.nullish() }),
      ),
    })
    .optional(),
})

/**
 * conda and its like (conda's "PrefixRecord": `conda-meta/*.json` of a prefix). A file in which the prefix was written
 * has the hash `sha256_in_prefix`, all others that of their package.
 */
export const conda: PackageManager = {
  kind: 'conda',
  wants: (path, size) => size <= SIZE_LIMIT && RECORD.test(path),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'conda', work)
    for (const { path } of tree.keptFiles()) {
      if (!RECORD.test(path)) continue
      const json = findings.json(path)
      if (json === undefined) continue
      const parsed = Metadata.safeParse(json)
      if (parsed.success) findings.inventory.packages.push(toPackage(parsed.data, path, work))
      else findings.problem(path, `it is not a record of conda: ${parsed.error.issues[0]?.path.join('.')}`)
    }
    return findings.inventory
  },
}

function toPackage(data: z.infer<typeof Metadata>, record: string, work: Work): InstalledPackage {
  const environment = parentOf(parentOf(record))
  work.takePaths(data.files.length + (data.paths_data?.paths.length ?? 0), environment.length)
  const files = new Map<string, OwnedFile>()
  for (const name of data.files) {
    const path = resolvePath(environment, `./${toBytes(name)}`)
    files.set(path, { path })
  }
  for (const { _path: name, sha256, sha256_in_prefix: inPrefix } of data.paths_data?.paths ?? []) {
    const path = resolvePath(environment, `./${toBytes(name)}`)
    const value = inPrefix ?? sha256
    files.set(path, value ? { path, digest: { algorithm: 'sha256', value } } : { path })
  }
  return {
    kind: 'conda',
    name: data.name,
    version: data.version,
    ...(data.subdir === undefined ? {} : { architecture: data.subdir }),
    record,
    environment,
    files: [...files.values()],
    ...(data.url ? { origin: { url: bareUrl(data.url) } } : {}),
    ...(data.license ? { license: data.license } : {}),
  }
}
