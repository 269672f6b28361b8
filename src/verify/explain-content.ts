import { isSecretFile } from '../audit/credentials.ts'
import { compressionOf, decompress } from '../formats/decompress.ts'
import { readElfSections } from '../formats/elf.ts'
import { archiveMembers } from './archive-members.ts'
import { explainArchive } from './explain-archive.ts'
import { explainByteCode, isByteCode } from './explain-byte-code.ts'
import { explainCompressed } from './explain-compressed.ts'
import { explainElf, shown } from './explain-elf.ts'
import { explainText, textCauses } from './explain-text.ts'
import type { ExplainInner, Explanation } from './explained-difference.ts'
import { asText, onlyIn, printableStrings } from './printable.ts'

/** Archives in archives are looked into as deep as that. */
const DEPTH_LIMIT = 4
/** Compressed contents and zip archives that unpack to more are compared as bytes. */
const UNPACKED_LIMIT = 64 * 1024 * 1024

/**
 * Explains what differs between two contents of one file, and why: texts by a short diff, archives by their members,
 * ELF objects by their sections, byte code by its header; all else by its bytes and strings.
 *
 * @param name the path of the file, as far as it is known
 */
export function explainContent(name: string, a: Buffer, b: Buffer): Promise<Explanation> {
  return explain(name, a, b, DEPTH_LIMIT)
}

async function explain(name: string, a: Buffer, b: Buffer, depth: number): Promise<Explanation> {
  const inner: ExplainInner = (member, x, y) => explain(member, x, y, depth - 1)
  if (isSecretFile(name, a) || isSecretFile(name, b))
    return { detail: { kind: 'unread', reason: 'it holds credentials, which are not shown' }, causes: [] }
  if (isByteCode(a) && isByteCode(b)) return explainByteCode(a, b)
  if (depth > 0) {
    const packed = (await explainPacked(name, a, b, inner)) ?? (await explainMembers(a, b, inner))
    if (packed !== undefined) return packed
  }
  const elf = [readElfSections(a), readElfSections(b)] as const
  if (elf[0] !== undefined && elf[1] !== undefined) return explainElf(elf[0], elf[1])
  const texts = [asText(a), asText(b)] as const
  if (texts[0] !== undefined && texts[1] !== undefined) return explainText(texts[0], texts[1])
  return explainBytes(a, b)
}

async function explainPacked(
  name: string,
  a: Buffer,
  b: Buffer,
  inner: ExplainInner,
): Promise<Explanation | undefined> {
  const format = compressionOf(a)
  // of xz nothing limits what it unpacks to
  if (format === undefined || format === 'xz' || compressionOf(b) !== format) return undefined
  try {
    const unpacked = await Promise.all([a, b].map((content) => decompress(content, UNPACKED_LIMIT)))
    return explainCompressed(name, format, [a, unpacked[0] as Buffer], [b, unpacked[1] as Buffer], inner)
  } catch {
    // damaged or larger: it is compared byte by byte
    return undefined
  }
}

async function explainMembers(a: Buffer, b: Buffer, inner: ExplainInner): Promise<Explanation | undefined> {
  const left = await archiveMembers(a, UNPACKED_LIMIT)
  const right = left && (await archiveMembers(b, UNPACKED_LIMIT))
  if (left === undefined || left.format !== right?.format) return undefined
  return explainArchive(left.format, left.members, right.members, inner)
}

function explainBytes(a: Buffer, b: Buffer): Explanation {
  const strings = onlyIn(printableStrings(a), printableStrings(b))
  const { offset, count } = compareBytes(a, b)
  const detail = {
    kind: 'bytes' as const,
    offset,
    count,
    strings: { a: shown(strings.a), b: shown(strings.b) },
  }
  const byStrings =
    strings.a.length > 0 && strings.b.length > 0
      ? textCauses(strings.a.join('\n'), strings.b.join('\n')).filter(
          ({ cause }) => cause !== 'random-id' && cause !== 'unknown',
        )
      : []
  if (byStrings.length > 0) return { detail, causes: byStrings }
  // of random bytes one in 256 is the same by chance
  const random = a.length === b.length && a.length >= 8 && count > a.length * 0.9
  if (!random) return { detail, causes: [] }
  const evidence = `${count} of ${a.length} bytes differ at the same length, as random bytes do`
  return { detail, causes: [{ cause: 'random-id', evidence }] }
}

function compareBytes(a: Buffer, b: Buffer): { offset: number; count: number } {
  const common = Math.min(a.length, b.length)
  let offset = -1
  let count = 0
  for (let i = 0; i < common; i++) {
    if (a[i] === b[i]) continue
    if (offset < 0) offset = i
    count += 1
  }
  return { offset: offset < 0 ? common : offset, count: count + Math.abs(a.length - b.length) }
}
