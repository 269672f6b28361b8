import { expect, test } from 'vitest'
import { auditTable } from '../report/audit-table.ts'
import { toReport } from './audit-report.ts'
import { audit, type Change, smallImage, withLayer } from './small-image.test-data.ts'

const NAMES = Array.from({ length: 30 }, (_, i) => `opt/${i % 3 === 0 ? 'a-' : 'a/'}${(i * 7) % 30}\xe9`)

test('files that nobody explains are listed by path, whatever order they lie in', async () => {
  const changes = Object.fromEntries(NAMES.map((name): [string, Change] => [name, { content: name }]))
  const { image, lock, pinned } = await withLayer(await smallImage(), changes)
  const report = await audit({ image, lock, pinned })
  const expected = [...image.tree.files()]
    .filter(({ path }) => path.startsWith('opt/a'))
    .flatMap(({ path, inode: { type, size, sha256, layer } }) =>
      type === 'file' ? [{ path: `/${path.replaceAll('\xe9', '%E9')}`, size, sha256, layer }] : [],
    )
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  expect(expected).toHaveLength(30)
  const printed = JSON.parse(JSON.stringify(toReport(report)))
  const isAdded = ({ path }: { path: string }) => path.startsWith('/opt/a')
  expect(printed.files.unexplained.filter(isAdded)).toEqual(expected)
  expect(printed.files.unexplained).toHaveLength(report.files.unexplained.length)
  // what is kept of an audit
  expect(JSON.parse(JSON.stringify(report)).files.unexplained.filter(isAdded)).toHaveLength(30)
  const lines = auditTable(report)
    .split('\n')
    .filter((line) => line.startsWith('unexplained'))
  const all: { path: string; size: number }[] = printed.files.unexplained
  expect(lines).toEqual([
    ...all.slice(0, 20).map(({ path, size }) => `unexplained  ${path} (${size} bytes)`),
    `unexplained  and ${all.length - 20} more: see --json`,
  ])
})
