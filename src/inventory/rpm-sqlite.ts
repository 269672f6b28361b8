/** More packages, and more bytes of headers, than any system has: an end to a table that leads into itself. */
const ROW_LIMIT = 100_000
const BYTE_LIMIT = 256 * 1024 ** 2

/** rpm's own table and no other, view or virtual table: reading one of those could take for ever. */
const TABLE =
  /^CREATE TABLE '?Packages'? ?\(\s*hnum INTEGER PRIMARY KEY AUTOINCREMENT,\s*blob BLOB NOT NULL\s*\)$/i

/** Headers of rpm's SQLite database, in the order they were installed; all that was read before a problem. */
export async function readRpmBlobs(file: Buffer): Promise<{ blobs: Buffer[]; problem?: string }> {
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
      if (!(blob instanceof Uint8Array)) return { blobs, problem: 'a header is no bytes' }
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
