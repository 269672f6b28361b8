import { parseControl, type Stanza } from '../formats/deb/deb822.ts'
import type { FileTree } from '../image/file-tree.ts'
import type { InstalledPackage, Inventory, OwnedFile, PackageManager } from './inventory.ts'
import { Findings, resolvePath } from './tree-paths.ts'
import type { Work } from './work.ts'

const DATABASE = 'var/lib/dpkg'
const SIZE_LIMIT = 32 * 1024 ** 2
const WANTED = /(?:^|\/)dpkg\/(?:status|diversions|status\.d\/[^/]+|info\/[^/]+\.(?:list|md5sums))$/

/**
 * Debian's dpkg (dpkg(1), deb-md5sums(5), deb-conffiles(5)) and the `status.d` of distroless images. Files are those of
 * `info/NAME.list`; their md5 those of `info/NAME.md5sums`, and of the status file for configuration files.
 */
export const dpkg: PackageManager = {
  kind: 'deb',
  wants: (path, size) => size <= SIZE_LIMIT && WANTED.test(path),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'deb', work)
    const diversions = readDiversions(findings)
    const infos = new Set(tree.list(`${DATABASE}/info`))
    const records = [
      { path: `${DATABASE}/status`, isDistroless: false },
      ...tree
        .list(`${DATABASE}/status.d`)
        .filter((name) => !name.endsWith('.md5sums'))
        .map((name) => ({ path: `${DATABASE}/status.d/${name}`, isDistroless: true })),
    ]
    for (const { path, isDistroless } of records) {
      for (const fields of parseControl(findings.text(path) ?? '', { fields: FIELDS, dialect: 'dpkg' })) {
        const installed = toPackage(findings, path, fields, isDistroless)
        if (installed === undefined) continue
        const files = isDistroless
          ? sumsOf(findings, `${path}.md5sums`)
          : filesOf(findings, infos, installed, fields)
        installed.files = divert([...files.values()], installed.name, diversions)
        findings.inventory.packages.push(installed)
      }
    }
    return findings.inventory
  },
}

/** A stanza's package; undefined when it isn't installed, or removed but for its configuration. */
function toPackage(
  findings: Findings,
  record: string,
  fields: Stanza,
  isDistroless: boolean,
): InstalledPackage | undefined {
  const name = fields.get('package') ?? ''
  const state = isDistroless ? 'installed' : (fields.get('status')?.split(/\s+/)[2] ?? '')
  if (state === 'not-installed' || state === 'config-files') return undefined
  const version = fields.get('version') ?? ''
  if (!/^[a-z0-9][a-z0-9+.-]*$/i.test(name) || version === '' || !STATES.has(state)) {
    findings.problem(record, `the stanza of ${JSON.stringify(name)} lacks a name, a version or a known state`)
    return undefined
  }
  const architecture = fields.get('architecture')
  return {
    kind: 'deb',
    name,
    version,
    ...(architecture === undefined ? {} : { architecture }),
    record,
    files: [],
    ...(state === 'installed' ? {} : { state }),
  }
}

const FIELDS = new Set(['package', 'status', 'version', 'architecture', 'conffiles'])

const STATES = new Set([
  'installed',
  'half-installed',
  'unpacked',
  'half-configured',
  'triggers-awaited',
  'triggers-pending',
])

function filesOf(
  findings: Findings,
  infos: ReadonlySet<string>,
  { name, architecture, record }: InstalledPackage,
  fields: Stanza,
): Map<string, OwnedFile> {
  const stem = infos.has(`${name}:${architecture}.list`) ? `${name}:${architecture}` : name
  if (!infos.has(`${stem}.list`)) findings.problem(record, `"${name}" is installed and has no list of files`)
  const files = new Map<string, OwnedFile>()
  const list = findings.text(`${DATABASE}/info/${stem}.list`) ?? ''
  findings.work.takeLines(list)
  for (const line of list.split('\n')) {
    const path = resolvePath('', line)
    if (path !== '') files.set(path, { path })
  }
  for (const [path, file] of sumsOf(findings, `${DATABASE}/info/${stem}.md5sums`)) files.set(path, file)
  for (const line of fields.get('conffiles')?.split('\n') ?? []) {
    const [, written, value] = CONFFILE.exec(line.trim()) ?? []
    if (written === undefined || value === undefined) continue
    const path = resolvePath('', written)
    const digest = value === 'newconffile' ? {} : { digest: { algorithm: 'md5', value } as const }
    files.set(path, { path, configuration: true, ...digest })
  }
  return files
}

/** A path, its md5 in the package, and flags; no path of Linux is longer. */
const CONFFILE = /^(\S.{0,4095}?) ([0-9a-f]{32}|newconffile)(?: obsolete| remove-on-upgrade){0,2}$/

/** Lines of a hash, two blanks and a path without a slash in front (deb-md5sums(5)). */
function sumsOf(findings: Findings, path: string): Map<string, OwnedFile> {
  const files = new Map<string, OwnedFile>()
  if (findings.tree.find(path) === undefined) return files
  let unknown = 0
  const text = findings.text(path) ?? ''
  findings.work.takeLines(text)
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, value, written] = /^([0-9a-f]{32})[ \t]+(\S.*)$/.exec(line) ?? []
    if (value === undefined || written === undefined) {
      unknown += 1
      continue
    }
    const owned = resolvePath('', written)
    files.set(owned, { path: owned, digest: { algorithm: 'md5', value } })
  }
  if (unknown > 0) findings.problem(path, `${unknown} lines are no md5 and path`)
  return files
}

/** Whether a package's list has md5 sums of files at such a path. */
export function hasMd5(tree: FileTree, path: RegExp): boolean {
  const seen = new Set<Buffer | undefined>([undefined])
  return ['info', 'status.d'].some((directory) =>
    tree.list(`${DATABASE}/${directory}`).some((name) => {
      if (!name.endsWith('.md5sums')) return false
      const content = tree.read(`${DATABASE}/${directory}/${name}`)
      // one file may have many names
      if (seen.has(content)) return false
      seen.add(content)
      const text = content?.toString('latin1') ?? ''
      return (
        text.includes('usr/local/') &&
        text.split('\n').some((line) => path.test(resolvePath('', line.slice(34))))
      )
    }),
  )
}

interface Diversion {
  to: string
  /** The package whose own file stays; `:` when an administrator diverted it from all. */
  by: string
}

/** Three lines each: the path, where it is instead, and for whose sake (dpkg-divert(1)). */
function readDiversions(findings: Findings): Map<string, Diversion> {
  const path = `${DATABASE}/diversions`
  const lines = findings.text(path)?.trimEnd().split('\n') ?? []
  const diversions = new Map<string, Diversion>()
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [from = '', to = '', by = ''] = lines.slice(at, at + 3)
    diversions.set(resolvePath('', from), { to: resolvePath('', to), by })
  }
  if (lines.length % 3 !== 0 && lines[0] !== '')
    findings.problem(path, `${lines.length} lines are not threes`)
  return diversions
}

function divert(files: OwnedFile[], name: string, diversions: ReadonlyMap<string, Diversion>): OwnedFile[] {
  if (diversions.size === 0) return files
  return files.map((file) => {
    const diversion = diversions.get(file.path)
    return diversion === undefined || diversion.by === name ? file : { ...file, path: diversion.to }
  })
}
