import type { OwnedFile } from './inventory.ts'
import { resolvePath } from './tree-paths.ts'

/**
 * Files of a RECORD: CSV of path, hash and size (PyPA "Recording installed projects", "The RECORD file"), paths
 * relative to the directory that holds the dist-info, or absolute.
 *
 * @returns also how many lines are none of that
 */
export function readRecord(text: string, environment: string): { files: OwnedFile[]; unknown: number } {
  const files: OwnedFile[] = []
  let unknown = 0
  for (const [written = '', hash, ...rest] of parseRows(text)) {
    const path = resolvePath(environment, written)
    if (hash === undefined || rest.length > 1 || path === '') {
      unknown += 1
      continue
    }
    const [, value] = /^sha256=([\w-]{43})=?$/.exec(hash) ?? []
    files.push(
      value === undefined ? { path } : { path, digest: { algorithm: 'sha256', value: hexOf(value) } },
    )
  }
  return { files, unknown }
}

/** Rows of CSV (RFC 4180) without line breaks in fields, which are quoted as a whole or not at all. */
function parseRows(text: string): string[][] {
  // nearly all are so
  if (!/["\r]/.test(text)) return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(',')]))
  const rows: string[][] = []
  const field = /("(?:[^"\r\n]|""){0,8192}"|[^",\r\n][^,\r\n]*|)(,|\r?\n|$)/y
  let row: string[] = []
  while (field.lastIndex < text.length) {
    const start = field.lastIndex
    const match = field.exec(text)
    if (match === null) {
      const end = text.indexOf('\n', start)
      field.lastIndex = end < 0 ? text.length : end + 1
      rows.push([])
      row = []
      continue
    }
    const [, value = '', end] = match
    row.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value)
    if (end === ',' && field.lastIndex < text.length) continue
    if (end === ',') row.push('')
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  return rows
}

const hexOf = (value: string) => Buffer.from(value, 'base64url').toString('hex')
