import type { FileTree } from '../image/file-tree.ts'
import type { InstalledPackage, Inventory, OwnedFile, PackageManager } from './inventory.ts'
import { Findings, resolvePath } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 64 * 1024 ** 2
/** Before and after Alpine moved to a merged /usr. */
export const APK_DATABASES = ['lib/apk/db/installed', 'usr/lib/apk/db/installed']

/**
 * Alpine's apk (Alpine wiki, "Apk spec", "installed database"): a stanza a package, a letter a field; directories (`F`),
 * their files (`R`) and a file's hash (`Z`: `Q1` and base64 of its sha1, `Q2` of its sha256).
 */
export const apk: PackageManager = {
  kind: 'apk',
  wants: (path, size) => size <= SIZE_LIMIT && path.endsWith('lib/apk/db/installed'),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'apk', work)
    const seen = new Set<string>()
    for (const database of APK_DATABASES) {
      const record = tree.find(database)?.path
      if (record === undefined || seen.has(record)) continue
      seen.add(record)
      const text = findings.text(record) ?? ''
      work.takeLines(text)
      for (const stanza of text.split(/\n\n+/)) {
        if (stanza.trim() === '') continue
        const installed = readStanza(stanza.split('\n'), record)
        if (installed.name === '' || installed.version === '')
          findings.problem(record, `a stanza names no package and version: "${installed.name}"`)
        else findings.inventory.packages.push(installed)
      }
    }
    return findings.inventory
  },
}

function readStanza(lines: readonly string[], record: string): InstalledPackage {
  const installed: InstalledPackage = { kind: 'apk', name: '', version: '', record, files: [] }
  let directory = ''
  let file: OwnedFile | undefined
  for (const line of lines) {
    const value = line.slice(2)
    if (line[1] !== ':') continue
    if (line[0] === 'P') installed.name = value
    else if (line[0] === 'V') installed.version = value
    else if (line[0] === 'A') installed.architecture = value
    else if (line[0] === 'L') installed.license = value
    else if (line[0] === 'F') {
      directory = resolvePath('', value)
      if (directory !== '') installed.files.push({ path: directory })
      file = undefined
    } else if (line[0] === 'R') {
      file = { path: resolvePath('', `${directory}/${value}`) }
      // apk's own default of what an upgrade leaves as it is (/etc/apk/protected_paths.d)
      if (/^etc(?:\/|$)/.test(directory)) file.configuration = true
      installed.files.push(file)
    } else if (line[0] === 'Z' && file !== undefined) {
      const digest = parseHash(value)
      if (digest !== undefined) file.digest = digest
    }
  }
  return installed
}

function parseHash(value: string): OwnedFile['digest'] {
  const [, kind, base64 = ''] = /^Q([12])([A-Za-z0-9+/]+=*)$/.exec(value) ?? []
  const hex = Buffer.from(base64, 'base64').toString('hex')
  if (kind === '1' && hex.length === 40) return { algorithm: 'sha1', value: hex }
  return kind === '2' && hex.length === 64 ? { algorithm: 'sha256', value: hex } : undefined
}
