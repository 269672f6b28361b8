import type { ConfigDifference } from './difference.ts'

/** What an image's config is here: parsed JSON of any kind (OCI image specification, "Image Configuration"). */
export type ConfigData = Readonly<Record<string, unknown>>

/** Names of settings whose values are nobody's business. */
const SECRET = /pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|auth/i
const LOGIN = /:\/\/[^/\s@]+@/
/** A setting in a command of the history: `ENV API_TOKEN=...`. */
const SECRET_SETTING =
  /(\w*(?:pass|secret|token|credential|api_?key|private_?key)\w*[= ])("[^"]*"|'[^']*'|\S+)/gi

/**
 * Every leaf at which two configs differ, by its path; the layers are left out. An environment and labels are
 * compared by name. Values that look like credentials are `[redacted]`.
 */
export function compareConfigs(a: ConfigData, b: ConfigData): ConfigDifference[] {
  const left = flatten(a)
  const right = flatten(b)
  const fields = [...new Set([...left.keys(), ...right.keys()])].sort()
  return fields.flatMap((field) => {
    const values = { a: left.get(field), b: right.get(field) }
    if (JSON.stringify(values.a) === JSON.stringify(values.b)) return []
    return [
      {
        field,
        ...(left.has(field) ? { a: redact(field, values.a) } : {}),
        ...(right.has(field) ? { b: redact(field, values.b) } : {}),
      },
    ]
  })
}

function flatten(config: ConfigData): Map<string, unknown> {
  const leaves = new Map<string, unknown>()
  const visit = (path: string, value: unknown): void => {
    if (path === 'rootfs/diff_ids') return
    if (path === 'config/Env' && Array.isArray(value)) addEnvironment(leaves, path, value)
    else if (path === 'history' && Array.isArray(value))
      for (const [index, entry] of value.entries()) visit(`${path}/${index}`, entry)
    else if (isObject(value) && Object.keys(value).length > 0)
      for (const [key, entry] of Object.entries(value)) visit(path === '' ? key : `${path}/${key}`, entry)
    else if (value !== undefined) leaves.set(path, value)
  }
  visit('', config)
  return leaves
}

/** Names may come twice and in another order, which programs can see. */
function addEnvironment(leaves: Map<string, unknown>, path: string, entries: readonly unknown[]): void {
  const names: string[] = []
  for (const entry of entries) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(String(entry)) ?? [undefined, String(entry), '']
    leaves.set(`${path}/${name}`, value)
    names.push(String(name))
  }
  leaves.set(`${path} (order)`, names)
}

function redact(field: string, value: unknown): unknown {
  if (value === undefined || value === null) return value
  const name = field.slice(field.lastIndexOf('/') + 1)
  const isSetting = /^config\/(Env|Labels)\//.test(field)
  if (field.startsWith('history/') && typeof value === 'string') return redactSettings(value)
  const text = JSON.stringify(value)
  return (isSetting && SECRET.test(name)) || LOGIN.test(text) ? '[redacted]' : value
}

/** A command without the values of settings that look like credentials, and without logins. */
export function redactSettings(command: string): string {
  return command.replaceAll(SECRET_SETTING, '$1[redacted]').replaceAll(/:\/\/[^/\s@]+@/g, '://[redacted]@')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
