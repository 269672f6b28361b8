import fc from 'fast-check'
import { expect, it } from 'vitest'
import { treeOf } from './image-tree.ts'
import { LayerEntries } from './layer-entries.ts'
import { type LayerEntry, PLAIN_DIRECTORY } from './layer-entry.ts'

const PATHS = ['a', 'a/b', 'a/b/c', 'a/b-', 'a/c', 'a-', 'b', 'b/a']

it('treeOf() says of a layer whether its members come as in a walk through directories', () => {
  const walk = (path: string) => path.replaceAll('/', '\0')
  let walks = 0
  fc.assert(
    fc.property(fc.oneof(fc.subarray(PATHS), fc.shuffledSubarray(PATHS)), (paths) => {
      const entries = paths.map(
        (path): LayerEntry => ({ path, inode: { ...PLAIN_DIRECTORY }, link: undefined }),
      )
      const layer = { digest: '', diffID: '', size: 0, entries: LayerEntries.from(entries) }
      const { layers } = treeOf(
        { id: '', config: {} as never, bytes: Buffer.alloc(0), manifest: undefined },
        [layer],
      )
      const expected = paths.every((path, at) => at === 0 || walk(path) >= walk(paths[at - 1] as string))
      if (expected) walks += 1
      expect(layers[0]?.walked).toBe(expected)
    }),
  )
  expect(walks).toBeGreaterThan(5)
})
