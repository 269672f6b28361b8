import {
  type CompressedDetail,
  distinctCauses,
  type ExplainInner,
  type Explanation,
} from './explained-difference.ts'

/** Explains what differs between two files of one compression. */
export async function explainCompressed(
  name: string,
  format: 'gzip' | 'zstd',
  [a, innerA]: [Buffer, Buffer],
  [b, innerB]: [Buffer, Buffer],
  explainInner: ExplainInner,
): Promise<Explanation> {
  const header = format === 'gzip' ? gzipHeader(a, b) : []
  const times = header.includes('mtime')
    ? [{ cause: 'gzip-time' as const, evidence: `the gzip headers say ${timeOf(a)} and ${timeOf(b)}` }]
    : []
  if (innerA.equals(innerB)) {
    const detail: CompressedDetail = { kind: 'compressed', format, header }
    if (header.length > 0 && times.length === 0)
      return {
        detail,
        causes: [{ cause: 'gzip-time', evidence: `gzip headers differ in ${header.join(', ')}` }],
      }
    if (times.length > 0) return { detail, causes: times }
    const evidence =
      'the same content is compressed in another way: by another level or release of the program'
    return { detail, causes: [{ cause: 'other-version', evidence }] }
  }
  const inner = await explainInner(name.replace(/\.(gz|tgz|zst)$/, ''), innerA, innerB)
  return {
    detail: { kind: 'compressed', format, header, inner: inner.detail },
    causes: distinctCauses([...inner.causes, ...times]),
  }
}

const NAME_FLAG = 8

function gzipHeader(a: Buffer, b: Buffer): string[] {
  const fields: string[] = []
  if (a.readUInt32LE(4) !== b.readUInt32LE(4)) fields.push('mtime')
  if (a[3] !== b[3] || a[8] !== b[8] || a[9] !== b[9]) fields.push('flags')
  if (nameOf(a) !== nameOf(b)) fields.push('name')
  return fields
}

function nameOf(gzip: Buffer): string {
  if (((gzip[3] as number) & ~NAME_FLAG) !== 0 || gzip[3] === 0) return ''
  const end = gzip.indexOf(0, 10)
  return gzip.toString('latin1', 10, end < 0 ? 10 : end)
}

function timeOf(gzip: Buffer): string {
  const seconds = gzip.readUInt32LE(4)
  return seconds === 0 ? 'no time' : new Date(seconds * 1000).toISOString()
}
