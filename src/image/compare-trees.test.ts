import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { anyTree } from './arbitrary-tree.test-data.ts'
import { compareTrees } from './compare-trees.ts'
import { anyChange } from './one-change.test-data.ts'
import { parseTree } from './parse-tree.ts'
import { escapeBytes, treeDigest, treeText } from './tree-digest.ts'

describe('compareTrees()', () => {
  test('finds nothing between a tree and the one that its text says', () => {
    fc.assert(
      fc.property(anyTree, (root) => {
        expect(compareTrees(root, parseTree(treeText(root)))).toEqual([])
      }),
    )
  })

  test('finds a difference just where the tree digests differ', () => {
    fc.assert(
      fc.property(anyTree, anyTree, (a, b) => {
        expect(compareTrees(a, b).length > 0).toBe(treeDigest(a) !== treeDigest(b))
      }),
      { numRuns: rounds(300, 5000) },
    )
  })

  test('of one change of one path finds that path, and no other', () => {
    const changed = anyTree
      .filter((root) => (root.children?.size ?? 0) > 0)
      .chain((root) => anyChange(root).map((change) => ({ root, change })))
    fc.assert(
      fc.property(changed, ({ root, change }) => {
        const found = compareTrees(root, change.root)
        expect(found.map(({ path }) => path)).toEqual([`/${escapeBytes(change.path)}`])
        const { change: what, fields = [] } = found[0] ?? {}
        if (/added|removed/.test(change.kind)) expect(what).toBe(change.kind)
        else expect(fields).toContain(change.kind)
      }),
      { numRuns: rounds(1000, 20_000) },
    )
  })
})
