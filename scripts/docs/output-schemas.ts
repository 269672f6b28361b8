// docs/schemas and docs/json.md: what each command prints with --json, from the type that its `run` gives.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema, TypeReader } from './read-types.ts'

const ERROR_TYPE = 'ErrorReport'

const HEAD = `# What \`--json\` prints

Every command takes \`--json\` and prints one object to stdout, also with exit code 1. An error is
\`{"error": ...}\` instead ([schema](schemas/error-report.schema.json)), with a code of [errors.md](errors.md). This page and
the schemas are generated from the types of the commands by \`npm run docs\`; not edited by hand.

| command | prints |
| --- | --- |
`

/** Each generated file below the repository by its path. */
export function renderOutputSchemas(root: string, typeOf: TypeReader): Map<string, string> {
  const outputs = globSync('**/*.ts', { cwd: join(root, 'src/commands') })
    .sort()
    .flatMap((file) => readOutput(root, file))
  const types = [...new Set([...outputs.map(({ type }) => type), ERROR_TYPE])].sort()
  const files = new Map(types.map((type) => [schemaPath(type), renderSchema(type, typeOf(type))]))
  const rows = outputs.map(
    ({ command, type }) =>
      `| \`${command}\` | [${kebab(type)}](${schemaPath(type).replace('docs/', '')}) |\n`,
  )
  return files.set('docs/json.md', HEAD + rows.join(''))
}

function readOutput(root: string, file: string): { command: string; type: string }[] {
  const text = readFileSync(join(root, 'src/commands', file), 'utf8')
  if (!text.includes('export default class')) return []
  const type = /async run\(\): Promise<(\w+)>/.exec(text)?.[1]
  if (type === undefined || type === 'unknown')
    throw new Error(`src/commands/${file}: what run() gives needs a type with a name, for its schema`)
  return [{ command: file.replace(/\.ts$/, '').replaceAll('/', ' '), type }]
}

function renderSchema(type: string, schema: Schema): string {
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: kebab(type) }
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`
}

const schemaPath = (type: string): string => `docs/schemas/${kebab(type)}.schema.json`
const kebab = (type: string): string => type.replace(/(?<!^)(?=[A-Z])/g, '-').toLowerCase()
