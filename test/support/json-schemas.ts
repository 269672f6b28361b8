import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv, { type ValidateFunction } from 'ajv'

const DOCS = join(import.meta.dirname, '../../docs')
/** The schema of each command, by the table of docs/json.md. */
const SCHEMAS = [
  ...readFileSync(join(DOCS, 'json.md'), 'utf8').matchAll(/^\| `([^`]+)` +\| .*\((.+)\) +\|$/gm),
].map(([, command = '', schema = '']) => ({ command, schema }))
const ajv = new Ajv.default({ strict: false, allErrors: true })
const compiled = new Map<string, ValidateFunction>()

/** Throws when what a command printed with `--json` is not by its published schema. */
export function checkJson(args: readonly string[], printed: unknown): void {
  const failed = typeof printed === 'object' && printed !== null && 'error' in printed
  const found = SCHEMAS.find(({ command }) => ` ${args.join(' ')} `.includes(` ${command} `))
  const schema = failed ? 'schemas/error-report.schema.json' : found?.schema
  if (schema === undefined) throw new Error(`docs/json.md has no schema for "${args.join(' ')}"`)
  const valid = compiled.get(schema) ?? ajv.compile(JSON.parse(readFileSync(join(DOCS, schema), 'utf8')))
  compiled.set(schema, valid)
  if (!valid(printed))
    throw new Error(`"${args.join(' ')} --json" is not by docs/${schema}: ${ajv.errorsText(valid.errors)}`)
}
