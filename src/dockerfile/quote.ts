/**
 * One word of an ENV, LABEL, WORKDIR, USER or EXPOSE instruction, taken literally: BuildKit's shell lexer
 * gives a meaning to `\`, `"` and `$` only inside double quotes.
 */
export function dockerfileWord(value: string): string {
  return `"${value.replace(/[\\"$]/g, '\\$&')}"`
}

/** The JSON form of RUN, CMD and ENTRYPOINT: no shell and no variable touches it. */
export function execForm(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(', ')}]`
}

/** One word for a POSIX shell (IEEE 1003.1, 2.2.2): nothing is special between single quotes. */
export function shellWord(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}
