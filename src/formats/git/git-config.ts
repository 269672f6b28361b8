/** Settings of a git configuration file, `section.key` or `section.name.key`, the last of each (git-config(1)). */
export function parseGitConfig(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  let section = ''
  for (const line of text.replaceAll('\\\n', '').split('\n')) {
    const header = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.){0,8192})")?\s*\]/.exec(line)
    if (header !== null) {
      const [, name = '', sub] = header
      section = name.toLowerCase() + (sub === undefined ? '' : `.${sub.replaceAll(/\\(.)/g, '$1')}`)
    }
    const rest = header === null ? line : line.slice(header[0].length)
    const equals = rest.indexOf('=')
    const key = (equals < 0 ? rest : rest.slice(0, equals)).trim()
    const value = equals < 0 ? 'true' : unquote(rest.slice(equals + 1).trim())
    if (/^[a-z][\w-]*$/i.test(key)) settings.set(`${section}.${key.toLowerCase()}`, value)
  }
  return settings
}

function unquote(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.){0,8192})"/.exec(value)
  if (quoted !== null) return (quoted[1] ?? '').replaceAll(/\\(.)/g, '$1')
  const comment = value.search(/[#;]/)
  return (comment < 0 ? value : value.slice(0, comment)).trimEnd()
}
