import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv, { type ValidateFunction } from 'ajv'

const DOCS = join(import.meta.dirname, '../../docs')
/** The schemas of each command, of one recipe and of several, by the table of docs/json.md. */
const SCHEMAS = [
  ...readFileSync(join(DOCS, 'json.md'), 'utf8').matchAll(
    /^\| `([^`]+)` +\| \[[^\]]+\]\((.+?)\)(?:; several: \[[^\]]+\]\((.+?)\))? +\|$/gm,
  ),
]
  .map(([, command = '', schema = '', several]) => ({ command, schema, several }))
  // `store export recipe` is no `export recipe`
  .sort((a, b) => b.command.length - a.command.length)
const ajv = new Ajv.default({ strict: false, allErrors: true })
const compiled = new Map<string, ValidateFunction>()

/** Throws when what a command printed with `--json` is not by its published schema. */
export function checkJson(args: readonly string[], printed: unknown): void {
  const failed = typeof printed === 'object' && printed !== null && 'error' in printed
  const found = SCHEMAS.find(({ command }) => ` ${args.join(' ')} `.includes(` ${command} `))
  const usual = Array.isArray(printed) ? found?.several : found?.schema
  const schema = failed ? 'schemas/error-report.schema.json' : usual
  if (schema === undefined) throw new Error(`docs/json.md has no schema for "${args.join(' ')}"`)
  const valid = compiled.get(schema) ?? ajv.compile(JSON.parse(readFileSync(join(DOCS, schema), 'utf8')))
  compiled.set(schema, valid)
  if (!valid(printed))
    throw new Error(`"${args.join(' ')} --json" is not by docs/${schema}: ${ajv.errorsText(valid.errors)}`)
}
