import { describe, expect, it } from 'vitest'
import { treeOf } from '../inventory/tree.test-data.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import { standingLock, standingRecipe, takingLock, takingRecipe } from '../lock/with-recipe.test-data.ts'
import { expectSources } from './expect/expect-sources.ts'
import { ExpectedFiles } from './expect/expected-files.ts'
import { baseLayers } from './judge/judge-context.ts'

const locked = takingLock.platforms['linux/amd64'] as LockedPlatform

describe('files that were copied from another recipe', () => {
  it('are expected as they are in its image, but for privileges; nothing else of it is', async () => {
    const tree = await treeOf([
      { name: 'opt', type: 'directory' },
      { name: 'opt/tool', type: 'directory', uid: 5 },
      { name: 'opt/tool/run', content: 'x', mode: 0o4757, uid: 7, gid: 8 },
      { name: 'opt/tool/link', type: 'symlink', linkname: 'run' },
      ['opt/other', 'y'],
    ])
    const expected = new ExpectedFiles(tree)
    const images = new Map([[locked.recipes?.['small']?.image.tree ?? '', tree]])
    const contents = { artifacts: new Map(), trees: new Map(), images, missing: [] }
    expectSources(expected, takingRecipe, locked, contents)
    const own = { owner: 'copy-2' }
    expect(expected.at('srv/tool')).toEqual([{ ...own, type: 'directory' }])
    expect(expected.at('srv/tool/run')).toMatchObject([{ ...own, mode: 0o755, uid: 7, gid: 8, size: 1 }])
    expect(expected.at('srv/tool/link')).toMatchObject([{ ...own, type: 'symlink', target: 'run' }])
    expect([...expected.entries()].map(([path]) => path).sort()).toEqual([
      'srv/tool',
      'srv/tool/link',
      'srv/tool/run',
    ])
  })
})

describe('a base that is another recipe', () => {
  it('has the layer of the base of the other, and one for each of its steps', () => {
    const standing = standingLock().platforms['linux/amd64'] as LockedPlatform
    expect(baseLayers({ locked: standing, recipe: standingRecipe })).toBe(7)
    expect(baseLayers({ locked: standing, recipe: { ...standingRecipe, layout: 'flat' } })).toBe(1)
  })
})
