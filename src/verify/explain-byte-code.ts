import type { ByteCodeDetail, Explanation } from './explained-difference.ts'

const HEADER = 16

/** Whether a content has the header of Python byte code: four bytes of magic, the last of them CR LF. */
export function isByteCode(content: Buffer): boolean {
  return (
    content.length >= HEADER && content[2] === 0x0d && content[3] === 0x0a && content.readUInt32LE(4) <= 3
  )
}

/** Explains what differs between two files of Python byte code (PEP 552: magic, flags, time and size or hash, code). */
export function explainByteCode(a: Buffer, b: Buffer): Explanation {
  const differs = (start: number, end?: number) => !a.subarray(start, end).equals(b.subarray(start, end))
  const hashed = a.readUInt32LE(4) !== 0
  const parts: string[] = []
  if (differs(0, 4)) parts.push('magic')
  if (differs(4, 8)) parts.push('flags')
  if (hashed && differs(8, HEADER)) parts.push('source hash')
  if (!hashed && differs(8, 12)) parts.push('source time')
  if (!hashed && differs(12, HEADER)) parts.push('source size')
  if (differs(HEADER)) parts.push('code')
  const detail: ByteCodeDetail = { kind: 'byte-code', parts }
  if (parts.includes('magic'))
    return { detail, causes: [{ cause: 'other-version', evidence: 'it is byte code of another Python' }] }
  const evidence = parts.includes('source time')
    ? 'the header has the time of the source in it'
    : parts.includes('source hash')
      ? 'the source it was compiled from differs'
      : 'the same source was compiled in another way'
  return { detail, causes: [{ cause: 'byte-code', evidence }] }
}
