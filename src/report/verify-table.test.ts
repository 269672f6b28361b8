import { expect, test } from 'vitest'
import { sourcesTable } from './verify-table.ts'

const report = {
  reportVersion: 1 as const,
  recipe: 'x',
  at: '2026-01-01T00:00:00.000Z',
  ...{ artifacts: 3, live: 2, elsewhere: 0, stored: 1, risks: [] },
}

test('sourcesTable() says how single files were compared, and in one line what is ruled out', () => {
  const excluded = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
    ...{ subject: `pypi/${name}`, locked: '1', newest: '2', reason: `the recipe says ${name}<2` },
  }))
  const files = [
    { subject: 'file/a', compared: 'hashed' as const },
    { subject: 'file/b', compared: 'stated' as const },
    { subject: 'file/c', compared: 'size' as const },
  ]
  expect(sourcesTable({ ...report, files, excluded }).split('\n')).toEqual([
    'x: of 3 artifacts, 2 are where they came from, 0 elsewhere, 1 in the store',
    '  file/a: downloaded and hashed',
    '  file/b: compared by the sha256 that its server states',
    '  file/c: compared by its size alone; --bytes downloads and hashes it',
    '  nothing is at risk',
    '  newer, but ruled out: pypi/a 2 (the recipe says a<2), pypi/b 2 (the recipe says b<2), pypi/c 2 (the recipe says c<2), pypi/d 2 (the recipe says d<2), and 2 more',
    '',
  ])
  expect(sourcesTable(report)).not.toContain('ruled out')
})
