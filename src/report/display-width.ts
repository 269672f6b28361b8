/** Characters that take two columns: of East Asian scripts, and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\p{Regional_Indicator}]|\ufe0f/u
/** Characters that take none. */
const NONE = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Cc}]+$/u
// made when it is needed: that takes 10 ms, and most lines are ASCII
let segmenter: Intl.Segmenter | undefined

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter()
  return segmenter.segment(text)
}

/** The columns that a line takes on a terminal (Unicode Standard Annex 11 and 29), without escape sequences in it. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes(text)) width += widthOf(segment)
  return width
}

/** The beginning of a line, in at most so many columns. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  const mark = columns > 3 ? '...' : ''
  let cut = ''
  let width = 0
  for (const { segment } of graphemes(text)) {
    width += widthOf(segment)
    if (width > columns - mark.length) break
    cut += segment
  }
  return cut + mark
}

function widthOf(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return NONE.test(grapheme) ? 0 : 1
}
