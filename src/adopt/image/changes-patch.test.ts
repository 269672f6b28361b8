import { expect, test } from 'vitest'
import { changesPatch } from './changes-patch.ts'

const changed = (path: string, before: string, after: string) => ({
  path,
  before: Buffer.from(before, 'latin1'),
  after: Buffer.from(after, 'latin1'),
})

test('changesPatch() shows what was changed in texts, and no credential that was taken out', () => {
  const patch = changesPatch([
    changed('etc/a b.conf', 'one\ntwo\n', 'one\nthree\n'),
    changed('usr/bin/tool', 'a\0', 'b\0'),
    changed('etc/latin1', '\xe4\n', '\xf6\n'),
    changed('opt/settings.sh', 'export API_TOKEN=0a1b2c3d\n', '\n'),
  ])
  expect(patch).toContain('--- a/etc/a%20b.conf')
  expect(patch).toContain('-two\n+three\n')
  expect(patch).not.toMatch(/tool|latin1|settings|0a1b/)
  expect(changesPatch([])).toBe('')
})
