import { createHash } from 'node:crypto'

interface Element {
  tag: number
  /** With tag and length. */
  whole: Buffer
  content: Buffer
}

/**
 * The name that `openssl rehash` gives a certificate, but for its number: 8 digits of the SHA-1 of its subject in canonical
 * form (OpenSSL's `X509_NAME_hash`: strings as UTF-8 in lower case, spaces as one, without the outer sequence).
 *
 * @param certificate DER, or PEM as text; undefined when it is none
 */
export function x509SubjectHash(certificate: Buffer): string | undefined {
  const [, base64] =
    /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/.exec(certificate.toString('latin1')) ?? []
  try {
    const [outer] = elements(base64 === undefined ? certificate : Buffer.from(base64, 'base64'))
    const [signed] = elements(outer?.content ?? Buffer.alloc(0))
    const parts = elements(signed?.content ?? Buffer.alloc(0))
    // version [0], serial number, algorithm, issuer, validity, subject (RFC 5280, 4.1)
    const subject = parts[parts[0]?.tag === 0xa0 ? 5 : 4]
    if (subject?.tag !== 0x30) return undefined
    const canonical = elements(subject.content).map(({ content }) =>
      wrap(0x31, elements(content).map(canonicalPair)),
    )
    return createHash('sha1')
      .update(Buffer.concat(canonical))
      .digest()
      .readUInt32LE(0)
      .toString(16)
      .padStart(8, '0')
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const first = bytes.readUInt8(at + 1)
    const more = first < 0x80 ? 0 : first & 0x7f
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more)
    const start = at + 2 + more
    if (start + length > bytes.length) throw new RangeError('cut short')
    found.push({
      tag,
      whole: bytes.subarray(at, start + length),
      content: bytes.subarray(start, start + length),
    })
    at = start + length
  }
  return found
}

/** BMPString, UniversalString, and strings of one byte a character or in UTF-8. */
const STRINGS = new Set([12, 19, 20, 22, 26, 28, 30])

function canonicalPair({ content }: Element): Buffer {
  const [type, value] = elements(content)
  if (type === undefined || value === undefined) return wrap(0x30, [content])
  if (!STRINGS.has(value.tag)) return wrap(0x30, [type.whole, value.whole])
  const text = decode(value)
    .replaceAll(/[ \t\n\v\f\r]+/g, ' ')
    .replaceAll(/^ | $/g, '')
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  return wrap(0x30, [type.whole, wrap(12, [Buffer.from(text)])])
}

function decode({ tag, content }: Element): string {
  if (tag === 30) return Buffer.from(content).swap16().toString('utf16le')
  return content.toString(tag === 12 ? 'utf8' : 'latin1')
}

function wrap(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
