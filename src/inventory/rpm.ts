import { parseRpmHeader, type RpmHeader } from '../formats/rpm-header.ts'
import type { FileTree } from '../image/file-tree.ts'
import type { FileDigest, InstalledPackage, Inventory, OwnedFile, PackageManager } from './inventory.ts'
import { baseOf, Findings, resolvePath } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 64 * 1024 ** 2
const DIRECTORIES = ['var/lib/rpm', 'usr/lib/sysimage/rpm', 'usr/share/rpm']
const DATABASE = 'rpmdb.sqlite'
/** Berkeley DB before rpm 4.16, and ndb as SUSE has it. */
const OTHER_DATABASES = ['Packages', 'Packages.db']

/** `%config` and `%ghost` of a file's flags. */
const CONFIGURATION = 1
const GHOST = 64

/** rpm with its SQLite database (rpm's documentation, "rpmdb"); the older databases are problems. */
export const rpm: PackageManager = {
  kind: 'rpm',
  wants: (path, size) => size <= SIZE_LIMIT && path.endsWith(`/rpm/${DATABASE}`),
  async read(tree: FileTree, work: Work): Promise<Inventory> {
    const findings = new Findings(tree, 'rpm', work)
    const seen = new Set<string>()
    for (const directory of DIRECTORIES) {
      for (const name of tree.list(directory)) {
        const path = tree.find(`${directory}/${name}`)?.path
        if (path === undefined || seen.has(path)) continue
        seen.add(path)
        if (OTHER_DATABASES.includes(name)) findings.problem(path, 'a database of rpm that is not SQLite')
        if (name === `${DATABASE}-wal` && (tree.find(path)?.inode.size ?? 0) > 0)
          findings.problem(path, 'changes that were not yet written to the database')
        if (baseOf(path) === DATABASE) await readDatabase(findings, path)
      }
    }
    return findings.inventory
  },
}

async function readDatabase(findings: Findings, path: string): Promise<void> {
  const bytes = findings.bytes(path)
  if (bytes === undefined) return
  const result = await readRpmBlobs(bytes)
  if (result.problem !== undefined) findings.problem(path, result.problem)
  for (const [index, blob] of result.blobs.entries()) {
    const header = parseRpmHeader(blob)
    const installed = header === undefined ? undefined : toPackage(header, path, findings.work)
    if (installed === undefined) findings.problem(path, `the header ${index + 1} cannot be read`)
    else findings.inventory.packages.push(installed)
  }
}

function toPackage(header: RpmHeader, record: string, work: Work): InstalledPackage | undefined {
  const [name] = header.strings('name')
  const [version] = header.strings('version')
  const [release] = header.strings('release')
  if (!name || !version || !release) return undefined
  const [epoch] = header.numbers('epoch')
  const [architecture] = header.strings('arch')
  const [license] = header.strings('license')
  const files = filesOf(header, work)
  if (files === undefined) return undefined
  return {
    kind: 'rpm',
    name,
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    ...(architecture === undefined ? {} : { architecture }),
    record,
    files,
    ...(license === undefined ? {} : { license }),
  }
}

function filesOf(header: RpmHeader, work: Work): OwnedFile[] | undefined {
  const directories = header.strings('directoryNames')
  const indexes = header.numbers('directoryIndexes')
  const names = header.strings('baseNames')
  const paths =
    names.length === 0
      ? header.strings('oldFileNames')
      : names.map((name, i) => `${directories[indexes[i] ?? -1] ?? ''}${name}`)
  if (names.length > 0 && indexes.some((index) => index >= directories.length)) return undefined
  if (names.length > 0 && indexes.length !== names.length) return undefined
  const digests = header.strings('fileDigests')
  const flags = header.numbers('fileFlags')
  const algorithm = ALGORITHMS[header.numbers('digestAlgorithm')[0] ?? 1]
  return paths.flatMap((written, i) => {
    work.takePaths(1, written.length)
    const path = resolvePath('', written)
    const flag = flags[i] ?? 0
    // what a package may make when it runs: it brings none
    if (path === '' || (flag & GHOST) !== 0) return []
    const value = digests[i] ?? ''
    return [
      {
        path,
        ...(algorithm !== undefined && /^[0-9a-f]+$/.test(value) ? { digest: { algorithm, value } } : {}),
        ...((flag & CONFIGURATION) === 0 ? {} : { configuration: true }),
      },
    ]
  })
}

/** Hash algorithms by their numbers in OpenPGP (RFC 9580, section 9.5); MD5 when a header names none. */
const ALGORITHMS: Record<number, FileDigest['algorithm'] | undefined> = { 1: 'md5', 2: 'sha1', 8: 'sha256' }

/** More packages, and more bytes of headers, than any system has: an end to a table that leads into itself. */
const ROW_LIMIT = 100_000
const BYTE_LIMIT = 256 * 1024 ** 2

/** rpm's own table and no other, view or virtual table: reading one of those could take for ever. */
const TABLE =
  /^CREATE TABLE '?Packages'? ?\(\s*hnum INTEGER PRIMARY KEY AUTOINCREMENT,\s*blob BLOB NOT NULL\s*\)$/i

/** Headers of rpm's SQLite database, in the order they were installed; all that was read before a problem. */
async function readRpmBlobs(file: Buffer): Promise<{ blobs: Buffer[]; problem?: string }> {
  const { default: load } = await import('sql.js')
  const { Database } = await load()
  const database = new Database(withoutWriteAheadLog(file))
  const blobs: Buffer[] = []
  try {
    const tables = database.exec("SELECT type, sql FROM sqlite_master WHERE name = 'Packages' LIMIT 2")
    const [type, sql] = tables[0]?.values[0] ?? []
    if (type !== 'table' || typeof sql !== 'string' || !TABLE.test(sql))
      return { blobs, problem: 'it has no table of packages as rpm makes it' }
    const rows = database.prepare('SELECT blob FROM Packages')
    for (let bytes = 0; rows.step(); ) {
      const [blob] = rows.get()
      if (!(blob instanceof Uint8Array)) return { blobs, problem: 'a header is not binary' }
      bytes += blob.length
      if (blobs.length >= ROW_LIMIT || bytes > BYTE_LIMIT)
        return { blobs, problem: `it has more than ${ROW_LIMIT} headers, or ${BYTE_LIMIT} bytes of them` }
      blobs.push(Buffer.from(blob))
    }
    return { blobs }
  } catch (error) {
    return {
      blobs,
      problem: `SQLite cannot read it: ${error instanceof Error ? error.message : 'no reason'}`,
    }
  } finally {
    database.close()
  }
}

/** With the header's versions for journals of the old kind: no log is at hand ("Database File Format", 1.3.3). */
function withoutWriteAheadLog(file: Buffer): Buffer {
  const copy = Buffer.from(file)
  if (copy.length >= 20) copy.fill(1, 18, 20)
  return copy
}
