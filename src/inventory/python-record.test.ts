import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readRecord } from './python-record.ts'

const HASH = 'A'.repeat(43)

it('reads lines that are not quoted as those that may be', () => {
  const field = fc.oneof(fc.constantFrom('', 'a/b.py', '../../bin/x', `sha256=${HASH}`, '12'), fc.string())
  const text = fc
    .array(
      fc.array(
        field.map((value) => value.replaceAll(/["\r\n]/g, '')),
        { maxLength: 4 },
      ),
    )
    .map((rows) => rows.map((row) => row.join(',')).join('\n'))
  fc.assert(
    fc.property(text, (lines) => {
      // a carriage return takes the longer way
      expect(readRecord(lines, 'site')).toEqual(readRecord(lines.replaceAll('\n', '\r\n'), 'site'))
    }),
    { examples: [[`a.py,sha256=${HASH},3\nb.pyc,,\n\nonly`], ['a,'], ['']] },
  )
})

it('tells files, their digests, and lines that are no file', () => {
  expect(readRecord(`a.py,sha256=${HASH},3\n"b,c.py",,\n../bin/d,,\nonly\n`, 'site')).toEqual({
    files: [
      { path: 'site/a.py', digest: { algorithm: 'sha256', value: '0'.repeat(64) } },
      { path: 'site/b,c.py' },
      { path: 'bin/d' },
    ],
    unknown: 1,
  })
})
