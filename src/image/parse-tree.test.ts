import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { anyTree } from './arbitrary-tree.test-data.ts'
import { parseTree } from './parse-tree.ts'
import { treeDigest, treeRecords, treeText } from './tree-digest.ts'

const LINES = [
  '{"path":"","type":"directory","mode":"0755","uid":0,"gid":0,"size":0,"mtime":0,"target":"","major":0,"minor":0,"hardlink":"","xattrs":[],"sha256":""}',
  '{"path":"a","type":"directory","mode":"0755","uid":0,"gid":0,"size":0,"mtime":5,"target":"","major":0,"minor":0,"hardlink":"","xattrs":[],"sha256":""}',
  `{"path":"a-","type":"symlink","mode":"0777","uid":0,"gid":0,"size":0,"mtime":5,"target":"a/b","major":0,"minor":0,"hardlink":"","xattrs":[],"sha256":""}`,
  `{"path":"a/b","type":"file","mode":"0644","uid":0,"gid":0,"size":1,"mtime":5,"target":"","major":0,"minor":0,"hardlink":"","xattrs":[["user.k","00ff"]],"sha256":"${'1'.repeat(64)}"}`,
  `{"path":"a/c","type":"file","mode":"0644","uid":0,"gid":0,"size":1,"mtime":5,"target":"","major":0,"minor":0,"hardlink":"a/b","xattrs":[["user.k","00ff"]],"sha256":"${'1'.repeat(64)}"}`,
]
const text = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')

describe('parseTree()', () => {
  test('gives the tree that the text was made of', () => {
    fc.assert(
      fc.property(anyTree, (root) => {
        const written = treeText(root)
        expect(treeDigest(root)).toBe(`sha256:${hash('sha256', written, 'hex')}`)
        const read = parseTree(written)
        expect([...treeRecords(read)]).toEqual([...treeRecords(root)])
        expect(treeText(read).equals(written)).toBe(true)
      }),
      { numRuns: rounds(300, 5000) },
    )
  })

  test('gives a tree of which the text is just this, or refuses: any byte changed, left out or added', () => {
    const written = text(LINES)
    expect(treeText(parseTree(written)).equals(written)).toBe(true)
    fc.assert(
      fc.property(fc.nat(written.length - 1), fc.nat(255), fc.nat(2), (at, byte, kind) => {
        const [from, to] = [kind === 1 ? at : at + 1, kind === 2 ? [] : [byte]]
        const changed = Buffer.concat([written.subarray(0, at), Buffer.from(to), written.subarray(from)])
        let read: Buffer | undefined
        try {
          read = treeText(parseTree(changed))
        } catch (error) {
          expect(error).toMatchObject({ code: 'IMAGE_INVALID' })
          return
        }
        expect(read.equals(changed)).toBe(true)
      }),
      { numRuns: rounds(2000, 50_000) },
    )
  })

  test.each<[string, (lines: string[]) => string[], string]>([
    ['nothing', () => [], 'line 1: the root is missing'],
    ['no root', (lines) => lines.slice(1), 'line 1: it lies in no directory before it'],
    [
      'a root that is a file',
      (lines) => [String(lines[3]).replace('a/b', '')],
      'the root is not a directory',
    ],
    ['another order', ([a, b, c, d, e]) => [a, b, d, c, e] as string[], 'another text says the same tree'],
    ['a path twice', (lines) => [...lines, lines[3] as string], 'line 6: its path is there twice'],
    ['more than JSON', (lines) => [...lines, 'x'], 'line 6: it is not a record of a path'],
    ['a space', (lines) => [`${lines[0]} `, ...lines.slice(1)], 'another text says the same tree'],
    ['a number as text', (lines) => lines.map((line) => line.replace('"uid":0', '"uid":"0"')), 'line 1'],
    ['a fraction', (lines) => lines.map((line) => line.replace('"uid":0', '"uid":0.5')), 'line 1'],
    [
      'a field more',
      (lines) => lines.map((line) => line.replace('"uid":0', '"uid":0,"x":1')),
      'another text',
    ],
    ['a field less', (lines) => lines.map((line) => line.replace('"uid":0,', '')), 'line 1'],
    [
      'a path above',
      (lines) => lines.map((line) => line.replace('"a-"', '".."')),
      'line 3: its path is not one',
    ],
    ['a link to nothing', (lines) => lines.map((line) => line.replace('k":"a/b', 'k":"x')), 'line 5'],
    [
      'a link that is not the file',
      (lines) => lines.with(4, String(lines[4]).replace('0644', '0600')),
      'another',
    ],
    ['a digest of another kind', (lines) => lines.map((line) => line.replace(/1{64}/, '1')), 'line 4'],
  ])('refuses %s', (_, change, message) => {
    expect(() => parseTree(text(change([...LINES])))).toThrow(message)
  })
})
