/** Shown of one string at most. */
const SHOWN = 160

/** A string for a terminal or a page: control and direction characters escaped, cut when long. */
export function printable(text: string, limit = SHOWN): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text
  return cut.replaceAll(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

const UNSAFE = /(?!\t)[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu

/** A content as text, when it is some: UTF-8 without NUL. */
export function asText(content: Buffer): string | undefined {
  if (content.includes(0)) return undefined
  const text = content.toString('utf8')
  return text.includes('\ufffd') ? undefined : text
}

/** Runs of at least four printable ASCII characters, as strings(1) finds them. */
export function printableStrings(content: Buffer): string[] {
  return content.toString('latin1').match(/[\x20-\x7e\t]{4,}/g) ?? []
}

/** Entries of each list that the other lacks, as often as it lacks them, in their own order. */
export function onlyIn(a: readonly string[], b: readonly string[]): { a: string[]; b: string[] } {
  return { a: without(a, b), b: without(b, a) }
}

function without(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const entry of other) counts.set(entry, (counts.get(entry) ?? 0) + 1)
  return list.filter((entry) => {
    const count = counts.get(entry) ?? 0
    if (count > 0) counts.set(entry, count - 1)
    return count === 0
  })
}
