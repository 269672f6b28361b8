import { createHash } from 'node:crypto'
import type { ProjectStep, Recipe } from '../recipe/schema.ts'
import { canonicalJson, compareCodeUnits, type Json } from './canonical-json.ts'
import type { LockInputs } from './schema.ts'

/** The fields of a recipe that decide the image, in the order the lockfile shows them. */
const INPUT_FIELDS = [
  'platform',
  'base',
  'archives',
  'steps',
  'env',
  'user',
  'workdir',
  'shared',
  'entrypoint',
  'cmd',
  'labels',
  'expose',
  'volumes',
  'layout',
] as const satisfies (keyof Recipe)[]

/**
 * What a lock of this recipe is made from: each field that decides the image (a step as `steps[i]`, a local file
 * as `files["PATH"]` with its sha256), and a checksum over them all. Empty fields are left out.
 * Description, authors, publisher, licence, DOI, MPI, checks and tasks are no part of it: changing them leaves the image as it is.
 *
 * @param files sha256 in hex of each local file that the recipe uses, by its path below the recipe's directory, or git tree of
 *   each project, by {@link projectFile}
 * @param programs sha256 in hex of the programs that make the image
 * @param recipes what identifies the lock of each other recipe that files are taken from, by its name
 */
export function lockInputs(
  recipe: Recipe,
  files: Record<string, string> = {},
  programs?: string,
  recipes: Record<string, Json> = {},
): LockInputs {
  const fields: Record<string, Json> = {}
  for (const name of INPUT_FIELDS) {
    const value = recipe[name]
    if (name === 'steps') {
      for (const [index, step] of recipe.steps.entries()) fields[`steps[${index}]`] = plain(step)
    } else if (!isEmpty(value)) {
      fields[name] = plain(value)
    }
  }
  for (const path of Object.keys(files).sort(compareCodeUnits)) {
    fields[`files[${JSON.stringify(path)}]`] = files[path] as string
  }
  if (programs !== undefined) fields['programs'] = programs
  for (const name of Object.keys(recipes).sort(compareCodeUnits))
    fields[`recipes[${JSON.stringify(name)}]`] = recipes[name] as Json
  return { checksum: inputsChecksum(fields), fields }
}

/** By which name a project's tree is among the files of {@link lockInputs}. */
export function projectFile({ path, exclude }: Pick<ProjectStep, 'path' | 'exclude'>): string {
  return exclude === undefined ? path : `${path} without ${exclude.join(', ')}`
}

/** sha256 over the canonical JSON of the fields, as an OCI digest. */
export function inputsChecksum(fields: Record<string, Json>): string {
  return `sha256:${createHash('sha256').update(canonicalJson(fields)).digest('hex')}`
}

/** Orders the names of input fields as {@link INPUT_FIELDS} has them, then steps by number, then by code unit. */
export function compareFields(a: string, b: string): number {
  const [x, y] = [rank(a), rank(b)]
  return x.field - y.field || x.index - y.index || compareCodeUnits(a, b)
}

function rank(name: string): { field: number; index: number } {
  const [, field = name, index = '0'] = /^(steps)\[(\d+)\]$/.exec(name) ?? []
  const place = (INPUT_FIELDS as readonly string[]).indexOf(field)
  return { field: place < 0 ? INPUT_FIELDS.length : place, index: Number(index) }
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  )
}

function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
