import { BYTE_CODE_HEADER, readByteCodeHeader } from '../formats/python/byte-code.ts'
import type { ByteCodeDetail, Explanation } from './explained-difference.ts'

/** Whether a content has the header of Python byte code: its magic ends in CR LF, and it has no unknown flag. */
export function isByteCode(content: Buffer): boolean {
  const header = readByteCodeHeader(content)
  return header !== undefined && header.magic >>> 16 === 0x0a0d && header.flags <= 3
}

/** Explains what differs between two files of Python byte code. */
export function explainByteCode(a: Buffer, b: Buffer): Explanation {
  const [left, right] = [fieldsOf(a), fieldsOf(b)]
  const parts = Object.keys(left).filter((part) => left[part] !== right[part])
  if (!a.subarray(BYTE_CODE_HEADER).equals(b.subarray(BYTE_CODE_HEADER))) parts.push('code')
  const detail: ByteCodeDetail = { kind: 'byte-code', parts }
  if (parts.includes('magic'))
    return { detail, causes: [{ cause: 'other-version', evidence: 'it is byte code of another Python' }] }
  return { detail, causes: [{ cause: 'byte-code', evidence: evidenceOf(parts) }] }
}

function evidenceOf(parts: readonly string[]): string {
  if (parts.includes('source time')) return 'the header has the time of the source in it'
  if (parts.includes('source hash')) return 'the source it was compiled from differs'
  return 'the same source was compiled in another way'
}

function fieldsOf(content: Buffer): Record<string, number | string | undefined> {
  const { magic, flags, source } = readByteCodeHeader(content) ?? {}
  if (source === undefined || 'hash' in source) return { magic, flags, 'source hash': source?.hash }
  return { magic, flags, 'source time': source.mtime, 'source size': source.size }
}
