import { parseControl, type Stanza } from '../formats/deb/deb822.ts'
import type { FileTree } from '../image/file-tree.ts'
import { bareUrl } from '../net/redact-url.ts'
import type { InstalledPackage, Inventory, PackageManager } from './inventory.ts'
import { baseOf, Findings, parentOf } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 1024 ** 2
const RECORD = /(?:^|\/)DESCRIPTION$/

/**
 * R packages in any library: directories whose `DESCRIPTION` has the field `Built`, which R writes when it installs one
 * ("Writing R Extensions", 1.1.1 "The DESCRIPTION file"). R keeps no list of a package's files with hashes.
 */
export const cran: PackageManager = {
  kind: 'cran',
  wants: (path, size) => size <= SIZE_LIMIT && RECORD.test(path),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'cran', work)
    for (const { path } of tree.keptFiles()) {
      if (!RECORD.test(path)) continue
      const [fields] = parseControl(findings.text(path) ?? '', { dialect: 'dpkg' })
      if (fields?.get('built') === undefined) continue
      const name = fields.get('package') ?? ''
      const version = fields.get('version') ?? ''
      if (/^[a-z][a-z0-9.]*$/i.test(name) && version !== '' && name === baseOf(parentOf(path)))
        findings.inventory.packages.push(toPackage(fields, path, name, version))
      else findings.problem(path, `it is of no package "${baseOf(parentOf(path))}" with a version`)
    }
    return findings.inventory
  },
}

function toPackage(fields: Stanza, record: string, name: string, version: string): InstalledPackage {
  const license = fields.get('license')?.trim().replaceAll(/\n\s+/g, '\n')
  const url = fields.get('remoteurl')
  const commit = fields.get('remotesha')
  return {
    kind: 'cran',
    name,
    version,
    record,
    environment: parentOf(parentOf(record)),
    files: [],
    ...(url === undefined
      ? {}
      : { origin: { url: bareUrl(url), ...(commit === undefined ? {} : { commit }) } }),
    ...(license === undefined ? {} : { license }),
  }
}
