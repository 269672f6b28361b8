/** Settings of a git configuration file, `section.key` or `section.name.key`, the last of each (git-config(1)). */
export function parseGitConfig(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  let section = ''
  for (const line of text.replaceAll('\\\n', '').split('\n')) {
    const header = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line)
    if (header !== null) {
      const [, name = '', sub] = header
      section = name.toLowerCase() + (sub === undefined ? '' : `.${sub.replaceAll(/\\(.)/g, '$1')}`)
    }
    const rest = header === null ? line : line.slice(header[0].length)
    const [, key, value] = /^\s*([a-z][\w-]*)\s*(?:=\s*(.*?))?\s*$/i.exec(rest) ?? []
    if (key !== undefined) settings.set(`${section}.${key.toLowerCase()}`, unquote(value ?? 'true'))
  }
  return settings
}

function unquote(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value)
  if (quoted !== null) return (quoted[1] ?? '').replaceAll(/\\(.)/g, '$1')
  return value.replace(/\s*[#;].*$/, '')
}
