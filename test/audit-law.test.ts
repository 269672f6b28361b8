import { createHash } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { AuditResult } from '../src/audit/audit-report.ts'
import type { ImageSubject, LockSubject } from '../src/audit/subject.ts'
import { FileTree } from '../src/image/file-tree.ts'
import type { Inode } from '../src/image/layer-entry.ts'
import { copyTree } from '../src/image/mutable-tree.test-data.ts'
import type { TreeNode } from '../src/image/tree-node.ts'
import { readInventory } from '../src/inventory/read-inventory.ts'
import { auditInMemory, readForAudit, readLocked } from './support/audit-in-memory.ts'
import { rounds } from './support/nightly.ts'
import { stillroom } from './support/stillroom.ts'

/*
 * One law: of hello's image, any one change of content, type, mode, owner, attributes or target of any one path, and any path
 * more or less, is found by the rules alone: above the locked layers, and in an image that has none of them. Of byte code its
 * header alone is judged without the locked tree: what is inside of it is counted as not verified, and --strict finds it.
 */

const ROOT = join(import.meta.dirname, '..')

interface Place {
  path: string
  parent: TreeNode
  name: string
  node: TreeNode
}

let image: ImageSubject
let lock: Omit<LockSubject, 'layers'>
/** As of an image that shares no layer with the locked one. */
let unbuilt: typeof lock
let places: Place[]
let byteCode: Place[]

beforeAll(async () => {
  const { exitCode, stderr } = await stillroom(ROOT, ['build', 'recipe', 'hello'])
  expect(exitCode, stderr).toBe(0)
  lock = await readLocked(ROOT, 'hello')
  const built = await readForAudit('stillroom/hello', lock)
  // a layer that the locked image does not have, for what is changed
  const layers = [...built.layers, { diffID: `sha256:${'0'.repeat(64)}`, size: 1 }]
  image = { ...built, layers, tree: new FileTree(copyTree(built.tree.root)) }
  unbuilt = { ...lock, locked: { ...lock.locked, image: null } }
  const all = placesIn(image.tree.root)
  places = all.filter(({ path }) => !path.includes('__pycache__'))
  byteCode = all.filter(({ path }) => path.endsWith('.pyc'))
})

function placesIn(parent: TreeNode, above = ''): Place[] {
  return [...(parent.children ?? [])].flatMap(([name, node]) => {
    const path = above + name
    return [{ path, parent, name, node }, ...placesIn(node, `${path}/`)]
  })
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const empty = { size: 0, sha256: sha256(''), content: Buffer.alloc(0) }

/** What each kind of change makes of a path's inode; undefined where it does not apply. */
const KINDS: Record<string, (inode: Inode) => Partial<Inode> | undefined> = {
  content: ({ type, size }) =>
    // no empty file has other content of its size
    type === 'file' ? { size: size || 2, sha256: sha256('other'), content: Buffer.from('x\n') } : undefined,
  executable: ({ type, mode }) => (type === 'symlink' ? undefined : { mode: mode ^ 0o1 }),
  setuid: ({ type, mode }) => (type === 'symlink' ? undefined : { mode: mode ^ 0o4000 }),
  writable: ({ type, mode }) => (type === 'symlink' ? undefined : { mode: mode ^ 0o20 }),
  private: ({ type, mode }) => (type === 'symlink' ? undefined : { mode: mode ^ 0o400 }),
  user: () => ({ uid: 1000 }),
  group: () => ({ gid: 1000 }),
  capability: ({ type }) =>
    type === 'symlink' ? undefined : { xattrs: new Map([['security.capability', '\x01']]) },
  'access list': ({ type }) =>
    type === 'symlink' ? undefined : { xattrs: new Map([['system.posix_acl_access', '\x02']]) },
  target: ({ type }) => (type === 'symlink' ? { target: '/usr/bin/dash' } : undefined),
  pipe: () => ({ type: 'fifo', size: 0, sha256: '', target: '' }),
  'empty file': ({ type }) =>
    type === 'file' ? undefined : { type: 'file', mode: 0o644, target: '', ...empty },
}
const REMOVED = 'removed'
const ADDED: Record<string, Partial<Inode>> = {
  'a file more': { type: 'file', mode: 0o644, ...empty },
  'a directory more': { type: 'directory', mode: 0o755 },
  'a link more': { type: 'symlink', mode: 0o777, target: '/usr/bin/dash' },
}

/** Findings of the rules on the image after a change, which is taken back. */
async function findingsAfter(change: () => () => void, against = lock): Promise<string[]> {
  const { findings } = await auditAfter(change, against)
  return findings.map(({ rule }) => rule).filter((rule) => !/^(image-id|tree-digest|layer-extra)$/.test(rule))
}

async function auditAfter(
  change: () => () => void,
  against: typeof lock,
  strict = false,
): Promise<AuditResult> {
  const takeBack = change()
  try {
    const inventory = await readInventory(image.tree)
    return auditInMemory({ ...image, inventory }, against, { strict })
  } finally {
    takeBack()
  }
}

const replaced = (node: TreeNode, inode: Inode, children: TreeNode['children']) => () => {
  const before = { ...node }
  Object.assign(node, { inode, children })
  return () => Object.assign(node, before)
}

/** Undefined where a change of that kind changes nothing at that path. */
function changeOf({ parent, name, node }: Place, kind: string): (() => () => void) | undefined {
  const layer = image.layers.length - 1
  if (kind === REMOVED) {
    const others = new Map([...(parent.children ?? [])].filter(([each]) => each !== name))
    return replaced(parent, parent.inode, others)
  }
  const added = ADDED[kind]
  if (added !== undefined) {
    if (node.children === undefined || node.children.has('added')) return undefined
    const blank = { ...node.inode, size: 0, sha256: '', uid: 0, gid: 0, xattrs: new Map(), layer }
    const child = {
      inode: { ...blank, ...added },
      children: added.type === 'directory' ? new Map() : undefined,
    }
    return replaced(node, node.inode, new Map([...node.children, ['added', child]]))
  }
  const change = KINDS[kind]?.(node.inode)
  if (change === undefined) return undefined
  const inode = { ...node.inode, ...change, layer }
  return replaced(node, inode, inode.type === 'directory' ? node.children : undefined)
}

const kinds = [...Object.keys(KINDS), REMOVED, ...Object.keys(ADDED)]

test.each([
  ['above the locked layers', () => lock, 200],
  ['in an image that has none of them', () => unbuilt, 50],
])(
  'the rules find any one change of any one path of hello %s, without its locked tree',
  async (_, against, byDay) => {
    // a time, which rules do not judge, makes it an image that is not the locked one
    const [{ node }] = places as [Place]
    const later = replaced(node, { ...node.inode, mtime: node.inode.mtime + 1 }, node.children)
    expect(await findingsAfter(later, against()), 'with another time').toEqual([])
    const property = fc.asyncProperty(fc.nat(), fc.constantFrom(...kinds), async (at, kind) => {
      const place = places[at % places.length] ?? expect.unreachable()
      const change = changeOf(place, kind)
      fc.pre(change !== undefined)
      if (change === undefined) return
      expect(await findingsAfter(change, against()), `${kind}: /${place.path}`).not.toEqual([])
    })
    await fc.assert(property, { numRuns: rounds(byDay, 2000), endOnFailure: true })
  },
)

test('any one change of byte code is found, or it is not verified, which --strict finds', async () => {
  const ofByteCode = kinds.filter((kind) => !(kind in ADDED) && kind !== REMOVED)
  const property = fc.asyncProperty(fc.nat(), fc.constantFrom(...ofByteCode), async (at, kind) => {
    const place = byteCode[at % byteCode.length] ?? expect.unreachable()
    const change = changeOf(place, kind)
    fc.pre(change !== undefined)
    if (change === undefined) return
    const what = `${kind}: /${place.path}`
    const { findings, files, trust } = await auditAfter(change, unbuilt, true)
    const rules = findings.map(({ rule, subject }) => `${rule} ${subject}`)
    expect(rules, what).toContain('trust trust/byte-code')
    expect(trust.byteCode).toBe('not-verified')
    // its content is one of those that are counted; all else is a finding of its own
    const notVerified = files.generated.find(({ reason }) => /not verified/.test(reason))
    if (kind === 'content') expect(notVerified?.files, what).toBe(byteCode.length)
    else
      expect(
        rules.filter((rule) => !rule.startsWith('trust ')),
        what,
      ).not.toEqual([])
  })
  await fc.assert(property, { numRuns: rounds(50, 1000), endOnFailure: true })
})
