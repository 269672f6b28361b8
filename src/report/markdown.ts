/** Text of others on one line and without control characters, which could move a terminal's cursor. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
}

/** A code span whatever is in it (CommonMark 6.1). */
export function codeSpan(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ')
  const ticks = fenceFor(line, 1)
  return ticks.length > 1 ? `${ticks} ${line} ${ticks}` : `${ticks}${line}${ticks}`
}

/** A {@link codeSpan} for a table, whose cells end at pipes even there (GFM 4.10). */
export const codeCell = (text: string) => codeSpan(text.replaceAll('|', '\\|'))

/** Text in which nothing is markup, a mention or a link. */
export function plainMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/[\\`*_{}[\]<>#|@~]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}

/** Backticks, at least so many, that nothing in the text ends. */
export function fenceFor(text: string, least: number): string {
  return '`'.repeat(Math.max(least, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)))
}

/** A line with `?` for each control or direction character, which could hide what it says. */
export const maskControls = (line: string) => line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
