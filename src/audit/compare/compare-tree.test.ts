import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { FileTree } from '../../image/file-tree.ts'
import { anyChange, type OneChange } from '../../image/one-change.test-data.ts'
import { parseTree } from '../../image/parse-tree.ts'
import { escapeBytes, treeText } from '../../image/tree-digest.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import { readInventory } from '../../inventory/read-inventory.ts'
import type { Finding } from '../finding.ts'
import { audit, type Change, type SmallImage, smallImage, withLayer } from '../small-image.test-data.ts'

let small: SmallImage
/** As the store keeps it. */
let tree: TreeNode
beforeAll(async () => {
  small = await smallImage()
  tree = parseTree(treeText(small.image.tree.root))
})

/** Findings of an image with a changed tree, in a layer more. */
async function auditOf(root: TreeNode): Promise<Finding[]> {
  const changed = new FileTree(root)
  const layers = [...small.image.layers, { diffID: `sha256:${'0'.repeat(64)}`, size: 1024 }]
  const image = { ...small.image, tree: changed, inventory: await readInventory(changed), layers }
  return (await audit({ ...small, image, lock: { ...small.lock, tree } })).findings
}

/** Rules that may name a change of a kind. */
const RULES: Record<OneChange['kind'], RegExp> = {
  content: /^(file-modified|byte-code|account)$/,
  mode: /^(file-mode|setuid|world-writable)$/,
  uid: /^(file-mode|setuid)$/,
  gid: /^(file-mode|setuid)$/,
  mtime: /^file-time$/,
  target: /^file-modified$/,
  type: /^(file-modified|world-writable|setuid)$/,
  xattrs: /^(file-mode|setuid)$/,
  hardlinks: /^file-link$/,
  added: /^(file-unexplained|credential|byte-code)$/,
  removed: /^file-missing$/,
}

describe('auditImage() with the locked tree', () => {
  test('of any one change finds the path that differs, by the right rule, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(anyChange(small.image.tree.root), async ({ kind, path, root }) => {
        const findings = await auditOf(root)
        expect(findings.map(({ subject }) => subject)).toEqual([`/${escapeBytes(path)}`])
        const [{ rule, severity, expected, actual } = expect.unreachable()] = findings
        expect(rule).toMatch(RULES[kind])
        expect(severity).toBe('error')
        expect(expected).not.toBe(actual)
      }),
      { numRuns: rounds(200, 2000) },
    )
  })

  const one = async (changes: Record<string, Change | undefined>) => {
    const { image, lock, pinned } = await withLayer(small, changes)
    return (await audit({ image, lock: { ...lock, tree }, pinned })).findings
  }

  test('says what differs, as expected and actual', async () => {
    const [found] = await one({ 'usr/bin/dpkg': { mode: 0o700, uid: 7, mtime: 86_400 } })
    expect(found).toEqual({
      rule: 'file-mode',
      severity: 'error',
      subject: '/usr/bin/dpkg',
      message: "mode, owner and time differ from the locked image's",
      expected: 'mode 0755, uid 0, time 1970-01-01T00:16:40Z',
      actual: 'mode 0700, uid 7, time 1970-01-02T00:00:00Z',
      evidence: ['owner: deb/dpkg'],
    })
  })

  test('names privileges, credentials and accounts by their own rules', async () => {
    const findings = await one({
      'usr/bin/vi': { mode: 0o4755 },
      'usr/bin/python3.11': { xattrs: new Map([['security.capability', '\x01']]) },
      'etc/shells': { mode: 0o666 },
      'root/.netrc': { content: 'password x' },
      'etc/passwd': { content: 'root::0:0:root:/root:/bin/bash\n' },
    })
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'account /etc/passwd',
      'credential /root/.netrc',
      'file-unexplained /root',
      'setuid /usr/bin/python3.11',
      'setuid /usr/bin/vi',
      'world-writable /etc/shells',
    ])
    expect(JSON.stringify(findings)).not.toContain('password x')
  })

  test("notes a directory's time that follows from what is in it, and does not let it pass alone", async () => {
    const time = { mtime: 9 }
    const both = await one({ 'usr/bin/added': { content: 'x' }, 'usr/bin': time })
    expect(both.map(({ rule, severity, subject }) => [severity, rule, subject])).toEqual([
      ['error', 'file-unexplained', '/usr/bin/added'],
      ['note', 'file-time', '/usr/bin'],
    ])
    expect(await one({ 'usr/bin': time })).toMatchObject([{ severity: 'error', rule: 'file-time' }])
  })

  test('names each path of a package that is not as locked, with the package', async () => {
    const info = 'usr/local/lib/python3.11/dist-packages/evil-1.dist-info'
    const findings = await one({
      [`${info}/METADATA`]: { content: 'Metadata-Version: 2.1\nName: evil\nVersion: 1\n' },
      [`${info}/RECORD`]: { content: 'evil-1.dist-info/METADATA,,\nevil-1.dist-info/RECORD,,\n' },
    })
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      `file-unexplained /${info}`,
      `file-unexplained /${info}/METADATA`,
      `file-unexplained /${info}/RECORD`,
    ])
    expect(findings[1]?.evidence).toEqual([
      'owner: pypi/evil',
      'pypi/evil 1 is installed, which is not as locked',
    ])
  })
})
