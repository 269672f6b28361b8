import { beforeAll, describe, expect, test } from 'vitest'
import { FileTree } from '../image/file-tree.ts'
import { copyTree } from '../image/mutable-tree.test-data.ts'
import { parseTree } from '../image/parse-tree.ts'
import { treeText } from '../image/tree-digest.ts'
import { auditImage, auditLocked, isLockedTree } from './audit-image.ts'
import { type SmallImage, smallImage, withLayer } from './small-image.test-data.ts'

const POLICY = { ignore: [], today: '2030-01-01', strict: true }

let small: SmallImage
beforeAll(async () => {
  small = await smallImage()
})

const strict = ({ image, lock }: SmallImage, hasLock = true) => {
  const { trust, findings } = auditImage(image, hasLock ? lock : undefined, POLICY)
  const found = findings.filter(({ rule }) => rule === 'trust').map(({ subject }) => subject)
  return { trust, found: found.map((subject) => subject.replace('trust/', '')) }
}

describe('auditImage() says what it trusted, and with `strict` finds what is weaker than it could be', () => {
  test('nothing of the locked image, with all artifacts, whose layers were read', () => {
    expect(strict(small)).toEqual({
      trust: {
        files: 'tree-digest',
        owners: 'artifacts',
        missingArtifacts: 0,
        byteCode: 'as-locked',
        layers: { read: 7, known: 0 },
        unclearDirectories: [],
      },
      found: [],
    })
  })

  test('rules and byte code of another image, unless its locked tree is at hand', async () => {
    const other = await withLayer(small, { 'usr/bin/dpkg': { mtime: 5 } })
    expect(strict(other)).toMatchObject({
      trust: { files: 'rules', byteCode: 'not-verified' },
      found: ['byte-code', 'files'],
    })
    const lock = { ...other.lock, tree: parseTree(treeText(small.image.tree.root)) }
    expect(strict({ ...other, lock })).toMatchObject({
      trust: { files: 'locked-tree', owners: 'artifacts', byteCode: 'as-locked' },
      found: [],
    })
  })

  test('artifacts that are not at hand, and layers that are known', () => {
    const missing = [{ name: 'six.whl', reason: 'nobody has it' }]
    const lock = { ...small.lock, contents: { ...small.lock.contents, missing } }
    const image = { ...small.image, knownLayers: 3 }
    expect(strict({ ...small, lock, image })).toMatchObject({
      trust: { owners: 'package-lists', missingArtifacts: 1, layers: { read: 4, known: 3 } },
      found: ['layers', 'owners'],
    })
  })

  test('directories that engines differ about', () => {
    const root = copyTree(small.image.tree.root)
    const usr = root.children?.get('usr') ?? expect.unreachable()
    usr.isUnclear = true
    const image = { ...small.image, tree: new FileTree(root) }
    expect(strict({ ...small, image })).toMatchObject({
      trust: { unclearDirectories: ['/usr'] },
      found: ['directories'],
    })
  })

  test('package lists and byte code without a lock', () => {
    expect(strict(small, false)).toMatchObject({
      trust: { files: 'package-lists', owners: 'package-lists', byteCode: 'not-verified' },
      found: ['byte-code', 'files', 'owners'],
    })
  })
})

describe('auditLocked()', () => {
  const policy = { ignore: [], today: '2030-01-01' }

  test('says the same as the rules said, and of what', () => {
    const { trust, ...ruled } = auditImage(small.image, small.lock, policy)
    const { trust: other, ...known } = auditLocked(small.image, small.lock, ruled, policy)
    expect(known).toEqual(ruled)
    expect([trust.owners, other.owners]).toEqual(['artifacts', 'earlier-audit'])
  })

  test('finds another config, and is not for other files or layers', async () => {
    const explanation = auditImage(small.image, small.lock, policy)
    const config = { ...small.image.config, config: { ...small.image.config.config, User: 'root' } }
    const id = `sha256:${'0'.repeat(64)}`
    const report = auditLocked({ ...small.image, id, config }, small.lock, explanation, policy)
    expect(report.findings.map(({ rule }) => rule)).toEqual(['config-user'])
    const { image } = await withLayer(small, {})
    expect(isLockedTree(image, explanation.image.tree, small.lock.locked)).toBe(false)
    expect(() => auditLocked(image, small.lock, explanation, policy)).toThrow('not the locked files')
  })
})
