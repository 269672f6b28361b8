/**
 * One word of an ENV, LABEL or WORKDIR instruction, taken literally: inside double quotes BuildKit's shell lexer
 * gives a meaning to `\`, `"` and `$` alone, and a backslash takes it away.
 */
export function dockerfileWord(value: string): string {
  return `"${value.replace(/[\\"$]/g, '\\$&')}"`
}

/** Words of a VOLUME instruction: a JSON list, whose strings BuildKit's shell lexer reads once more. */
export function wordList(words: readonly string[]): string {
  return execForm(words.map((word) => (/^[A-Za-z0-9/._-]+$/.test(word) ? word : dockerfileWord(word))))
}

/**
 * The JSON form of RUN, CMD and ENTRYPOINT: no shell and no variable touches it. What begins a here-document is
 * escaped, since parsers look for one in a RUN before they see that it is JSON.
 */
export function execForm(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word).replaceAll('<<', '\\u003c\\u003c')).join(', ')}]`
}
