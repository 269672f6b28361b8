import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from './error.ts'

describe('docs/errors.md', () => {
  it('names every code with its exit code, once, and no other', async () => {
    const text = await readFile(new URL('../docs/errors.md', import.meta.url), 'utf8')
    const rows = [...text.matchAll(/^\| `([A-Z0-9_]+)` +\| (\d+) +\| [^|]+ \| [^|]+ \|$/gm)]
    const documented = rows.map(([, code, exit]) => `${code} ${exit}`)
    const actual = Object.entries(ERROR_CODES).map(([code, exit]) => `${code} ${exit}`)
    expect(documented.toSorted()).toEqual(actual.toSorted())
  })
})
