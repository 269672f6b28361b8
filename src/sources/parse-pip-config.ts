/** Settings of pip by section and name, as `global.index-url`; `:env:` is the section of the environment. */
export type PipConfig = ReadonlyMap<string, string>

/**
 * Reads what `pip config list` prints: one setting a line, its value as Python's `repr` writes it. Other lines
 * (warnings) are read over.
 *
 * @example
 * ```ts
 * parsePipConfig("global.index-url='https://pypi.example.org/simple'\n").get('global.index-url')
 * ```
 */
export function parsePipConfig(text: string): PipConfig {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^(:env:|[a-z-]+)\.([a-z0-9-]+)=(['"])(.*)\3\r?$/.exec(line)
    if (match === null) continue
    const [, section = '', name = '', , value = ''] = match
    settings.set(`${section}.${name}`, unescapeRepr(value))
  }
  return settings
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r' }

function unescapeRepr(text: string): string {
  return text.replace(/\\(x([0-9a-f]{2})|.)/g, (_, plain: string, hex: string | undefined) =>
    hex === undefined ? (ESCAPES[plain] ?? plain) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
