import { describe, expect, test } from 'vitest'
import { byteCodeSource, PYTHONS, readByteCodeHeader, sourceHash } from './byte-code.ts'

const BYTES = String.fromCharCode(...Array(256).keys())

/** Recorded: `_imp.source_hash(MAGIC, SOURCE).hex()` of Python 3.9 and 3.11, the latter with the magic of 3.13, too. */
const RECORDED: [tag: string, source: string, hash: string][] = [
  ['cpython-39', '', 'ac0bb7c83e5b1c5f'],
  ['cpython-39', 'a', '2fe27d18d3549d18'],
  ['cpython-39', 'import os\n', 'a0d5de6f65100ee7'],
  ['cpython-39', '1234567', '1557a2e46f25e261'],
  ['cpython-39', '12345678', 'f7c31b3518beedb5'],
  ['cpython-39', '123456789', 'f845056c5a061a6a'],
  ['cpython-39', BYTES.repeat(5), '9a60fcb85b40fdd3'],
  ['cpython-39', 'x'.repeat(1023), 'aa1f120ba222ae44'],
  ['cpython-39', 'print("\u00c3\u00a9\u00e4\u00b8\u00ad")\n', 'cf6c78bc763d1225'],
  ['cpython-311', '', '738d9cd5d5e87f73'],
  ['cpython-311', 'a', 'fa30db0730dcbf07'],
  ['cpython-311', 'import os\n', 'bf452971496c7b11'],
  ['cpython-311', '1234567', '771b330c6bae621e'],
  ['cpython-311', '12345678', '34289d744291b0e4'],
  ['cpython-311', '123456789', 'e137ee97cf87c192'],
  ['cpython-311', BYTES.repeat(5), 'c9e573189daa009a'],
  ['cpython-311', 'x'.repeat(1023), 'e7ccab68f388fabd'],
  ['cpython-311', 'print("\u00c3\u00a9\u00e4\u00b8\u00ad")\n', 'e4e9639fa88ba8f4'],
  ['cpython-313', '', '27ec6d312f93b814'],
  ['cpython-313', 'a', '4edf51a8923be584'],
  ['cpython-313', 'import os\n', 'e64d0392d26e5285'],
  ['cpython-313', '1234567', '369aed9abea8f281'],
  ['cpython-313', '12345678', 'e0c23e34a5a68379'],
  ['cpython-313', '123456789', 'f02b2c4ac9b18987'],
  ['cpython-313', BYTES.repeat(5), '6707382481987754'],
  ['cpython-313', 'x'.repeat(1023), '9e9d105c830075f7'],
  ['cpython-313', 'print("\u00c3\u00a9\u00e4\u00b8\u00ad")\n', '4637811c715084aa'],
]

describe('sourceHash()', () => {
  test.each(RECORDED)('agrees with %s on %j', (tag, source, expected) => {
    const python = PYTHONS.find((known) => known.tag === tag) ?? expect.unreachable()
    expect(sourceHash(Buffer.from(source, 'latin1'), python)).toBe(expected)
  })
})

test('readByteCodeHeader() gives the hash of the source, or its time and size', () => {
  // of `import os`, compiled by Python 3.11 with `--invalidation-mode unchecked-hash`
  const header = Buffer.from('a70d0d0a01000000bf452971496c7b11', 'hex')
  expect(readByteCodeHeader(header)).toEqual({
    magic: PYTHONS.find(({ tag }) => tag === 'cpython-311')?.magic,
    flags: 1,
    source: { hash: 'bf452971496c7b11' },
  })
  header.writeUInt32LE(0, 4)
  expect(readByteCodeHeader(header)?.source).toEqual({ mtime: 0x712945bf, size: 0x117b6c49 })
  expect(readByteCodeHeader(header.subarray(0, 15))).toBeUndefined()
})

test.each([
  ['a/__pycache__/b.cpython-311.pyc', 'a/b.py', 'cpython-311'],
  ['__pycache__/b.c.cpython-39.opt-1.pyc', 'b.c.py', 'cpython-39'],
  ['a/b.pyc', undefined, undefined],
  ['a/__pycache__/b.pyc', undefined, undefined],
])('byteCodeSource(%s)', (path, source, tag) => {
  expect(byteCodeSource(path)).toEqual(source === undefined ? undefined : { source, tag })
})
