import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LayerEntries } from './layer-entries.ts'
import { PLAIN_DIRECTORY } from './layer-entry.ts'
import { inNameOrder, NumberedChildren, NumberedFiles, type TreeNode } from './tree-node.ts'

const NAMES = ['', 'a', 'a-', 'a.b', 'ab', 'b', 'ba', 'c', '\xe9']

/** A directory of no more than a name. */
class Named implements TreeNode {
  readonly inode = PLAIN_DIRECTORY
  readonly children = new Map()
}

type Step =
  | { kind: 'file'; member: number; name: string | undefined }
  | { kind: 'directory' | 'delete'; name: string }
  | { kind: 'clear' }

const name = fc.constantFrom(...NAMES)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('file'), member: fc.nat(), name: fc.constant(undefined) }),
  },
  // a hard link has another name than its file
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('file'), member: fc.nat(), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('directory', 'delete'), name }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' }) },
) as fc.Arbitrary<Step>

test('NumberedChildren is as a Map, whatever comes and goes in whichever order', () => {
  const property = fc.property(fc.array(name, { minLength: 1 }), fc.array(step), (members, steps) => {
    const files = new NumberedFiles()
    const half = members.length >> 1
    const entry = (path: string) => ({ path, inode: PLAIN_DIRECTORY, link: undefined })
    for (const layer of [members.slice(0, half), members.slice(half)])
      files.add(LayerEntries.from(layer.map(entry)))
    const children = new NumberedChildren<Named>(files)
    const model = new Map<string, Named | number>()
    for (const each of steps) {
      if (each.kind === 'clear') {
        children.clear()
        model.clear()
      } else if (each.kind === 'delete') {
        children.delete(each.name)
        model.delete(each.name)
      } else {
        const place = each.kind === 'file' ? each.member % members.length : new Named()
        const at = each.name ?? (members[place as number] as string)
        children.set(at, place)
        model.set(at, place)
      }
      expect(children.size).toBe(model.size)
    }
    for (const one of NAMES) {
      expect(children.place(one)).toBe(model.get(one))
      expect(children.has(one)).toBe(model.has(one))
    }
    expect(new Map(children.places())).toEqual(model)
    expect([...children.keys()].sort()).toEqual([...model.keys()].sort())
    expect([...children.values()]).toHaveLength(model.size)
    const ordered = inNameOrder(children)
    const names: string[] = []
    for (let next = ordered.next(); !next.done; next = ordered.next()) {
      const [one, node] = next.value
      names.push(one)
      expect(node.children).toBe(children.get(one)?.children)
    }
    expect(names).toEqual([...model.keys()].sort())
  })
  fc.assert(property, { numRuns: 1000 })
})
