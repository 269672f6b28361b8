import * as stillroom from '../../index.ts'

/** What a recipe.ts exports, by running it: its imports are stillroom's own functions. */
export function exportedRecipe(source: string): unknown {
  const imports = /^import \{ ([\w, ]+) \} from 'stillroom'$/m.exec(source)
  if (imports === null) throw new Error(`no imports in ${source}`)
  const known = (imports[1] ?? '').split(', ')
  const body = source.replace(imports[0], '').replace('export default ', 'return ')
  const values = known.map((name) => (stillroom as unknown as Record<string, unknown>)[name])
  return new Function(...known, `'use strict';${body}`)(...values)
}
