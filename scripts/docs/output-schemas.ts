// docs/schemas and docs/json.md: what each command prints with --json, from the type that its `run` gives.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema, TypeReader } from './read-types.ts'

const ERROR_TYPE = 'ErrorReport'

const HEAD = `# What \`--json\` prints

Every command takes \`--json\` and prints one object to stdout, also with exit code 1. An error is
\`{"error": ...}\` instead ([schema](schemas/error-report.schema.json)), with a code of [errors.md](errors.md). This page and
the schemas are generated from the types of the commands by \`npm run docs\`; not edited by hand.

A command that has a second schema here takes several recipes, and prints an array then: what it prints of one, for each in the order of
the command line, or \`{"recipe": ..., "error": ...}\` of one that failed. The exit code is the greatest of theirs. What ends all
of it, such as a signal, is \`{"error": ...}\` alone.

| command | prints |
| --- | --- |
`

/** Each generated file below the repository by its path. */
export function renderOutputSchemas(root: string, typeOf: TypeReader): Map<string, string> {
  const outputs = globSync('**/*.ts', { cwd: join(root, 'src/commands') })
    .sort()
    .flatMap((file) => readOutput(root, file))
  const types = [...new Set([...outputs.flatMap(({ types }) => types), ERROR_TYPE])].sort()
  const files = new Map(types.map((type) => [schemaPath(type), renderSchema(type, typeOf(type))]))
  const rows = outputs.map(
    ({ command, types: given }) => `| \`${command}\` | ${given.map(schemaLink).join('; several: ')} |\n`,
  )
  return files.set('docs/json.md', HEAD + rows.join(''))
}

function readOutput(root: string, file: string): { command: string; types: string[] }[] {
  const text = readFileSync(join(root, 'src/commands', file), 'utf8')
  if (!/^export default class/m.test(text)) return []
  const [, type, several] = /async run\(\): Promise<(\w+)(?: \| (\w+))?>/.exec(text) ?? []
  if (type === undefined || type === 'unknown')
    throw new Error(`src/commands/${file}: what run() gives needs a type with a name, for its schema`)
  const command = file.replace(/\.ts$/, '').replaceAll('/', ' ')
  return [{ command, types: several === undefined ? [type] : [type, several] }]
}

function renderSchema(type: string, schema: Schema): string {
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: kebab(type) }
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`
}

const schemaLink = (type: string): string => `[${kebab(type)}](${schemaPath(type).replace('docs/', '')})`
const schemaPath = (type: string): string => `docs/schemas/${kebab(type)}.schema.json`
const kebab = (type: string): string => type.replace(/(?<!^)(?=[A-Z])/g, '-').toLowerCase()
