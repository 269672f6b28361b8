// Writes the pages and schemas that are made from types: `npm run docs`. With `--check`, as in the gate, nothing is
// written, and it fails when one of them is stale. Either way it fails when a page links to a file that is not there.
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findBrokenLinks } from './docs/broken-links.ts'
import { renderOutputSchemas } from './docs/output-schemas.ts'
import { readTypes } from './docs/read-types.ts'
import { renderRecipeReference } from './docs/recipe-reference.ts'

/** Paths of generated pages and schemas that differ from what they should be; with `write`, they are written. */
export function updateDocs(root: string, { write }: { write: boolean }): string[] {
  const typeOf = readTypes(root)
  const files = renderOutputSchemas(root, typeOf).set(
    'docs/recipe-reference.md',
    renderRecipeReference(typeOf),
  )
  const stale = [...files].filter(
    ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
  )
  const extra = globSync('docs/schemas/*', { cwd: root }).filter((path) => !files.has(path))
  if (write) {
    for (const [path, text] of stale) writeFileSync(join(root, path), text)
    for (const path of extra) rmSync(join(root, path))
  }
  return [...stale.map(([path]) => path), ...extra].sort()
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  const root = new URL('..', import.meta.url).pathname
  const paths = updateDocs(root, { write: !check })
  const broken = findBrokenLinks(root)
  for (const path of paths) console.log(check ? `stale: ${path}; run: npm run docs` : `wrote ${path}`)
  for (const link of broken) console.log(`no such file: ${link}`)
  if (broken.length > 0 || (check && paths.length > 0)) process.exitCode = 1
}
