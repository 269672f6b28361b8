import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StillroomError } from '../../error.ts'
import { describeIssues, formatIssues, type Issue, quoteValue } from '../../formats/json/describe-issues.ts'
import { checkRecipe } from '../../recipe/check-recipe.ts'
import { nearestName } from '../../recipe/nearest-name.ts'
import { Recipe } from '../../recipe/schema.ts'
import { listRecipes, RECIPE_NAME } from './list-recipes.ts'

export interface LoadedRecipe {
  name: string
  /** `recipes/NAME`, absolute when the project's directory is. */
  directory: string
  recipe: Recipe
}

/**
 * Reads `recipes/NAME/recipe.ts` by Node's own import, which strips its types without checking them: a value of a
 * wrong type is found here, at run time, with its path and the reason. The recipe's code is run.
 * A recipe that was changed since this process first loaded it is not read again.
 *
 * @throws {StillroomError} RECIPE_NOT_FOUND; RECIPE_SYNTAX when the file can't be parsed or throws, with its line and
 *   column; RECIPE_INVALID with everything that is wrong in the recipe
 */
export async function loadRecipe(projectDirectory: string, name: string): Promise<LoadedRecipe> {
  const names = RECIPE_NAME.test(name) ? await listRecipes(projectDirectory) : []
  if (!names.includes(name)) throw await notFound(projectDirectory, name)
  const directory = join(projectDirectory, 'recipes', name)
  const file = join(directory, 'recipe.ts')
  const shownPath = relative(projectDirectory, file)
  const exported = await importRecipe(file, shownPath)
  return { name, directory, recipe: parseRecipe(exported, shownPath) }
}

/**
 * Checks what a recipe's module exports and fills in the defaults.
 *
 * @throws {StillroomError} RECIPE_INVALID with every issue
 */
export function parseRecipe(exported: unknown, path: string): Recipe {
  const result = Recipe.safeParse(exported)
  const hidden = hiddenKeys(exported)
  if (!result.success) throw invalid(path, [...describeIssues(result.error.issues, exported), ...hidden])
  const issues = [...hidden, ...checkRecipe(result.data)]
  if (issues.length > 0) throw invalid(path, issues)
  return result.data
}

async function importRecipe(file: string, path: string): Promise<unknown> {
  const module = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw describeLoadError(cause, file, path)
  })
  if ('default' in module) return module.default
  const hint = 'Write: export default defineRecipe({ ... })'
  throw new StillroomError('RECIPE_INVALID', `${path}: has no default export`, { hint, details: { path } })
}

async function notFound(projectDirectory: string, name: string): Promise<StillroomError> {
  const names = await listRecipes(projectDirectory)
  const nearest = nearestName(name, names)
  const reason = RECIPE_NAME.test(name)
    ? ''
    : ': a name is made of lower-case letters, digits and single dashes'
  const known =
    names.length > 0 ? `Recipes here: ${names.join(', ')}` : 'There is no recipes/NAME/recipe.ts here'
  return new StillroomError('RECIPE_NOT_FOUND', `There is no recipe ${quoteValue(name)}${reason}`, {
    hint: nearest === undefined ? known : `Did you mean "${nearest}"? ${known}`,
    details: { name, recipes: names },
  })
}

/** Zod drops a key named `__proto__` without a word; it is a legal name of a shell variable. */
function hiddenKeys(value: unknown, path = ''): Issue[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const place = `${path}[${JSON.stringify(key)}]`
    return key === '__proto__'
      ? [{ path: place, reason: 'is not a possible name' }]
      : path.length > 200
        ? []
        : hiddenKeys(item, place)
  })
}

function invalid(path: string, issues: Issue[]): StillroomError {
  return new StillroomError('RECIPE_INVALID', `${path}: the recipe is not valid:\n${formatIssues(issues)}`, {
    details: { path, issues },
  })
}

/**
 * What Node's import of a recipe threw, as RECIPE_SYNTAX with line and column where they are known: a syntax error,
 * a TypeScript feature that Node can't strip, a module that is not there, an exception of the recipe's own code.
 *
 * @param file absolute path of the recipe
 * @param path the same, as shown to the user
 */
function describeLoadError(cause: unknown, file: string, path: string): StillroomError {
  const message = cause instanceof Error ? oneLine(cause) : `it threw ${String(cause)}`
  const place = cause instanceof Error ? findPlace(cause, file) : undefined
  const shown = [path, place?.line, place?.column].filter((part) => part !== undefined).join(':')
  const hint = hintFor(cause)
  return new StillroomError('RECIPE_SYNTAX', `${shown}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { path, ...place },
    cause,
  })
}

function oneLine({ name, message }: Error): string {
  const text = message.replaceAll(/\s+/g, ' ').trim()
  return name === 'Error' ? text : `${name}: ${text}`
}

/**
 * Errors of the parser begin their stack with `FILE:LINE`, the line and a caret below the column (Node's own
 * decoration); those of running code have a frame `FILE:LINE:COLUMN`.
 */
function findPlace({ stack = '' }: Error, file: string): { line: number; column?: number } | undefined {
  const names = [file, pathToFileURL(file).href]
  const [head = '', ...rest] = stack.split('\n')
  const parsed = names.find((name) => head.startsWith(`${name}:`))
  if (parsed !== undefined) {
    const line = Number(/^\d+/.exec(head.slice(parsed.length + 1))?.[0])
    const caret = rest.slice(0, 3).find((text) => /^\s*\^+\s*$/.test(text))
    return caret === undefined ? { line } : { line, column: caret.indexOf('^') + 1 }
  }
  for (const frame of rest) {
    const name = names.find((candidate) => frame.includes(`${candidate}:`))
    const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame) ?? []
    if (name !== undefined && line !== undefined) return { line: Number(line), column: Number(column) }
  }
  return undefined
}

function hintFor(cause: unknown): string | undefined {
  const { code, message = '' } = (cause ?? {}) as { code?: string; message?: string }
  if (code === 'ERR_MODULE_NOT_FOUND' && message.includes("'stillroom'")) {
    return 'Install stillroom in this project: run "npm pack" in a clone of it, then here "npm install --save-dev" with the tarball'
  }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'Node only strips types: write it without enums, namespaces and parameter properties'
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'Use Node 22.18 or newer'
  if (message.includes('import statement outside a module')) return 'Add "type": "module" to package.json'
  return undefined
}
