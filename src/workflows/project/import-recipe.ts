import { pathToFileURL } from 'node:url'
import { StillroomError } from '../../error.ts'

/**
 * Gives what a recipe's module exports by default.
 *
 * @param file absolute path of the recipe
 * @param path the same, as shown to the user
 * @throws {StillroomError} RECIPE_SYNTAX, RECIPE_INVALID
 */
export type ImportRecipe = (file: string, path: string) => Promise<unknown>

/** How often this process has imported a file: a module is loaded once by its address, and may have changed since. */
const imported = new Map<string, number>()

/** By Node's own import, in this process: the recipe's code is run with all that this process has. */
export const importRecipe: ImportRecipe = async (file, path) => {
  const times = imported.get(file) ?? 0
  imported.set(file, times + 1)
  const url = `${pathToFileURL(file).href}${times === 0 ? '' : `?${times}`}`
  const module = await withoutTypeWarning(() => import(url)).catch((cause: unknown) => {
    throw describeLoadError(cause, file, path)
  })
  if ('default' in module) return module.default
  const hint = 'Write: export default defineRecipe({ ... })'
  throw new StillroomError('RECIPE_INVALID', `${path}: has no default export`, { hint, details: { path } })
}

/**
 * Node warns of each module whose package.json does not say what kind it is, though it finds that out: of no use to whoever
 * builds, as is the advice to edit a package.json that may be another's.
 */
async function withoutTypeWarning<T>(load: () => Promise<T>): Promise<T> {
  const { emitWarning } = process
  process.emitWarning = (...args: unknown[]) => {
    const code = args[1] instanceof Object ? (args[1] as { code?: string }).code : args[2]
    if (code !== 'MODULE_TYPELESS_PACKAGE_JSON') Reflect.apply(emitWarning, process, args)
  }
  try {
    return await load()
  } finally {
    process.emitWarning = emitWarning
  }
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
    hint,
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
  const again = imported.get(file) ?? 1
  const { href } = pathToFileURL(file)
  const names = [file, href, `${href}?${again - 1}`]
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
  if (code === 'ERR_ACCESS_DENIED')
    return 'A recipe that is judged reads files of its own repository alone, writes none and starts no program'
  if (message.includes('import statement outside a module')) return 'Add "type": "module" to package.json'
  return undefined
}
