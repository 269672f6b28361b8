// docs/recipe-reference.md: every field of a recipe, from src/recipe/schema.ts. The schema is what recipes are checked
// with, and its comments are what editors show.
import { z } from 'zod'
import * as recipe from '../../src/recipe/schema.ts'
import type { Schema, TypeReader } from './read-types.ts'

const SECTIONS: [title: string, type: z.ZodType, name: string, call?: string][] = [
  ['Recipe', recipe.Recipe, 'Recipe'],
  ['Base: `debian(suite)`', recipe.DebianBase, 'DebianBase'],
  ['Base: `image(reference)`', recipe.ImageBase, 'ImageBase'],
  ['Step: `apt(packages, options)`', recipe.AptStep, 'AptStep'],
  ['Step: `pip(requirements, options)`', recipe.PipStep, 'PipStep'],
  ['Step: `git(url, options)`', recipe.GitStep, 'GitStep'],
  ['Step: `file(url, options)`', recipe.FileStep, 'FileStep'],
  ['Step: `project(path, options)`', recipe.ProjectStep, 'ProjectStep'],
  ['Step: `copy(recipe(name), options)`', recipe.CopyStep, 'CopyStep'],
  ['Step: `run(command)`', recipe.RunStep, 'RunStep'],
  ['User', recipe.User, 'User'],
  ['Check', recipe.Check, 'Check'],
  ['Task', recipe.Task, 'Task'],
]

/** Where the value of a field has a section of its own. */
const LINKS: Record<string, string> = {
  base: '[a base](#base-debiansuite)',
  steps: 'list of [steps](#step-aptpackages-options)',
  user: '[user](#user)',
  checks: 'list of [checks](#check)',
  tasks: 'name -> [task](#task)',
}

const HEAD = `# Reference of recipes

Generated from [src/recipe/schema.ts](../src/recipe/schema.ts) by \`npm run docs\`; not edited by hand. What the fields do
together is in [recipe.md](recipe.md). An unknown field is an error.
`

/** @param typeOf gives the schema of a type of the recipe's schema with the comments of its fields */
export function renderRecipeReference(typeOf: TypeReader): string {
  return [
    HEAD,
    ...SECTIONS.map(([title, type, name]) => renderSection(title, type, typeOf(name, 'recipe/schema'))),
  ].join('\n')
}

function renderSection(title: string, type: z.ZodType, commented: Schema): string {
  const schema = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema
  const rows = listFields(schema, commented, '')
  return `## ${title}\n\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

function listFields(schema: Schema, commented: Schema, prefix: string): string[] {
  const required = new Set(schema.required)
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (name === 'kind') return []
    const comment = commented.properties?.[name]
    if (comment?.description === undefined)
      throw new Error(`${prefix}${name}: the schema says nothing about it`)
    const value = (prefix === '' && LINKS[name]) || describeValue(field)
    const fallback = required.has(name) ? 'required' : describeDefault(field)
    const cells = [`\`${prefix}${name}\``, value, fallback, comment.description]
    const inner = LINKS[name] === undefined && field.items?.properties !== undefined
    return [
      `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`,
      ...(inner ? listFields(field.items as Schema, resolve(comment.items, commented), `${name}[].`) : []),
    ]
  })
}

function resolve(schema: Schema | undefined, { definitions }: Schema): Schema {
  const name = schema?.$ref?.slice('#/definitions/'.length)
  return (name === undefined ? schema : definitions?.[name]) ?? {}
}

function describeDefault({ default: value }: Schema): string {
  if (value === undefined) return 'none'
  return `\`${JSON.stringify(value).replaceAll('"', "'")}\``
}

function describeValue(schema: Schema): string {
  if (schema.const !== undefined) return `\`${quote(schema.const)}\``
  if (schema.enum) return schema.enum.map((value) => `\`${quote(value)}\``).join(', ')
  if (schema.anyOf) return schema.anyOf.map(describeValue).join(' or ')
  if (schema.type === 'array') return `list of ${plural(describeValue(schema.items ?? {}))}`
  if (schema.type !== 'object') return String(schema.type ?? 'any')
  const { additionalProperties } = schema
  return typeof additionalProperties === 'object'
    ? `name -> ${describeValue(additionalProperties)}`
    : 'object'
}

const plural = (word: string): string => (/^[a-z]+$/.test(word) ? `${word}s` : word)
const quote = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value))
