// JSON Schemas of TypeScript types, by the compiler's own reading of them: docs and checks have one source.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { buildGenerator, getProgramFromFiles } from 'typescript-json-schema'

/** What of JSON Schema (draft 7) is used here. */
export interface Schema {
  $schema?: string
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  default?: unknown
  pattern?: string
  items?: Schema
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  required?: string[]
  definitions?: Record<string, Schema>
}

/** @param file part of the path of the file that declares the type, when several types have the name */
export type TypeReader = (name: string, file?: string) => Schema

/**
 * Gives the schema of a type by its name; the types are those that the commands and the recipe's schema lead to.
 *
 * @param root the repository
 * @returns a function that throws for a name that no type has, or several
 */
export function readTypes(root: string): TypeReader {
  const files = globSync(['src/commands/**/*.ts', 'src/recipe/schema.ts', 'src/report/describe-error.ts'], {
    cwd: root,
  })
  const options = {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  }
  const program = getProgramFromFiles(
    files.sort().map((file) => join(root, file)),
    options,
    root,
  )
  const generator = buildGenerator(program, {
    required: true,
    noExtraProps: true,
    strictNullChecks: true,
    ignoreErrors: true,
    ref: true,
    aliasRef: false,
    topRef: false,
    uniqueNames: true,
  })
  if (generator === null) throw new Error('the types of the commands cannot be read: run npx tsc')
  return (name, file = '') => {
    const [symbol, ...others] = generator
      .getSymbols(name)
      .filter((one) => one.fullyQualifiedName.includes(file))
    if (symbol === undefined) throw new Error(`there is no type "${name}"`)
    if (others.length > 0)
      throw new Error(`there are ${others.length + 1} types "${name}": give this one another name`)
    return withPlainNames(generator.getSchemaForSymbol(symbol.name) as Schema)
  }
}

/** Definitions are named by their type alone, without the file it lies in and the reader's own suffix. */
function withPlainNames(schema: Schema): Schema {
  const names = new Map<string, string>()
  for (const [full, definition] of Object.entries(schema.definitions ?? {})) {
    const name = full.replace(/\.[0-9a-f]{8}$/, '').replace(/^.*\)\./, '')
    const plain = /^\w+$/.test(name) ? name : name.startsWith('Record<') ? 'Record' : 'Object'
    const same = [...names.values()].filter((other) => other.replace(/\d+$/, '') === plain).length
    names.set(full, same === 0 ? plain : `${plain}${same + 1}`)
    // a record's keys are not read, and are not to be refused
    if (definition.type === 'object' && definition.properties === undefined)
      delete definition.additionalProperties
  }
  const text = JSON.stringify(schema, (key, value: unknown) => {
    if (key === '$ref') {
      const full = decodeURIComponent(String(value).slice('#/definitions/'.length))
      return `#/definitions/${names.get(full)}`
    }
    if (key !== 'definitions') return value
    const entries = Object.entries(value as object).map(
      ([full, of]) => [names.get(full) as string, of] as const,
    )
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
  return JSON.parse(text) as Schema
}
