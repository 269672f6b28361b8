import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findRoomViolations } from '../scripts/rooms.ts'
import { temporaryDirectory } from './store/testing/temporary-directory.ts'

async function violations(files: Record<string, string>): Promise<string[]> {
  const root = await temporaryDirectory()
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'src', path)), { recursive: true })
    await writeFile(join(root, 'src', path), text)
  }
  return findRoomViolations(root)
}

describe('findRoomViolations()', () => {
  it('finds none in stillroom', () => {
    expect(findRoomViolations(fileURLToPath(new URL('..', import.meta.url)))).toEqual([])
  })

  it('finds an import of a later room, static, of types, and at run time', async () => {
    const found = await violations({
      'lock/a.ts': "import { b } from '../engine/b.ts'\nimport type { B } from '../engine/b.ts'\n",
      'lock/c.ts': "export const c = () => import('../engine/b.ts')\n",
      'engine/b.ts': "import { d } from '../lock/d.ts'\nimport { StillroomError } from '../error.ts'\n",
      'lock/d.ts': "export * from './e.ts'\n",
    })
    expect(found.filter((text) => text.includes('not of a room before'))).toEqual([
      'lock/a.ts: imports engine/b.ts, which is not of a room before "lock"',
      'lock/a.ts: imports engine/b.ts, which is not of a room before "lock"',
      'lock/c.ts: imports engine/b.ts, which is not of a room before "lock"',
    ])
  })

  it('finds circles', async () => {
    const found = await violations({
      'lock/a.ts': "import {\n  b,\n} from './b.ts'\n",
      'lock/b.ts': "export { c } from './c.ts'\n",
      'lock/c.ts': "import './a.ts'\n",
    })
    expect(found).toEqual(['a circle of imports: lock/a.ts -> lock/b.ts -> lock/c.ts -> lock/a.ts'])
  })

  it('finds clock, environment, randomness, network and disk in a pure room, but not in its tests', async () => {
    const found = await violations({
      'audit/a.ts': "import { readFile } from 'node:fs/promises'\n",
      'audit/b.ts': 'export const b = () => Date.now()\n',
      'audit/c.ts': "// process.env\nexport const c = () => process.env['A']\n",
      'audit/d.ts': "import { e } from '../image/e.ts'\nimport type { G } from '../engine/g.ts'\n",
      'image/e.ts': "import { h } from './h.ts'\n",
      'image/h.ts': "import { open } from 'node:fs'\n",
      'audit/f.test.ts': "import { readFile } from 'node:fs/promises'\n",
      'engine/g.ts': "import { connect } from 'node:net'\n",
    })
    expect(found).toEqual([
      'audit/a.ts: imports node:fs/promises in the pure room "audit"',
      'audit/b.ts: uses Date.now( in the pure room "audit"',
      'audit/c.ts: uses process. in the pure room "audit"',
      'audit/d.ts: loads image/h.ts, which imports node:fs in the pure room "audit"',
    ])
  })
})
