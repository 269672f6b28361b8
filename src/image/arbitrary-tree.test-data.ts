import fc from 'fast-check'
import { sha256 } from './image-archive.test-data.ts'
import { type Inode, PLAIN_DIRECTORY } from './layer-entry.ts'
import type { TreeNode } from './tree-node.ts'

/** Any name of a file as latin1: any byte but NUL and the slash. */
const name = fc
  .oneof(
    fc.constantFrom('a', 'b', 'a.b', 'a-', 'é', 'new\nline', '%2F', '"\\'),
    fc.string({ unit: fc.nat(254).map((byte) => String.fromCharCode(byte + 1)), minLength: 1, maxLength: 9 }),
  )
  .filter((text) => !/^\.\.?$|\//.test(text))

const attributes = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.constantFrom(0, 1000, 2 ** 32 - 1),
  gid: fc.constantFrom(0, 70_000),
  mtime: fc.integer({ min: -(2 ** 31), max: 2 ** 33 }),
  xattrs: fc
    .array(fc.tuple(fc.constantFrom('user.k', 'security.capability', 'user.\x01'), fc.string()), {
      maxLength: 2,
    })
    .map((pairs) => new Map(pairs.map(([key, text]) => [key, Buffer.from(text).toString('latin1')]))),
})

const body: fc.Arbitrary<Partial<Inode>> = fc.oneof(
  fc.string({ maxLength: 9 }).map((text) => ({
    type: 'file' as const,
    size: Buffer.byteLength(text),
    sha256: sha256(text),
  })),
  fc.constant({ type: 'directory' as const }),
  name.map((target) => ({ type: 'symlink' as const, target, mode: 0o777 })),
  fc.constant({ type: 'fifo' as const }),
  fc.record({
    type: fc.constantFrom('character' as const, 'block' as const),
    major: fc.nat(9),
    minor: fc.nat(9),
  }),
)

/** A merged tree of any files, some with a second name. */
export const anyTree: fc.Arbitrary<TreeNode> = fc
  .array(fc.tuple(fc.nat(), name, attributes, body, fc.boolean()), { maxLength: 15 })
  .map((list) => {
    const root: TreeNode = { inode: { ...PLAIN_DIRECTORY }, children: new Map() }
    const directories = [root]
    for (const [place, base, header, rest, isLinked] of list) {
      const siblings = directories[place % directories.length]?.children as Map<string, TreeNode>
      if (siblings.has(base)) continue
      const inode: Inode = { ...PLAIN_DIRECTORY, ...header, ...rest }
      const node = { inode, children: inode.type === 'directory' ? new Map<string, TreeNode>() : undefined }
      siblings.set(base, node)
      if (node.children !== undefined) directories.push(node)
      else if (isLinked && !siblings.has(`${base}2`)) {
        inode.isShared = true
        siblings.set(`${base}2`, { inode, children: undefined })
      }
    }
    return root
  })
