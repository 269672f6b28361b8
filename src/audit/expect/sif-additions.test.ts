import { hash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type SifFile, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import { FileTree } from '../../image/file-tree.ts'
import type { Inode, LayerEntry } from '../../image/layer-entry.ts'
import { PLAIN_DIRECTORY } from '../../image/layer-entry.ts'
import { mergeLayers } from '../../image/merge-layers.ts'
import { readSifTree } from '../../image/read-sif.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { expectedConfig } from '../compare/compare-config.ts'
import { wantedByAudit } from '../wanted-by-audit.ts'
import { missingAdditions, type SifLock, sifAdditions } from './sif-additions.ts'

const recipe = recordedRecipe(smallLock)
const small = smallLock.platforms['linux/amd64'] ?? expect.unreachable()
const TIME = small.epoch
const TASKS = { train: { command: ['train'] } }
const SIF = { sha256: '0'.repeat(64), size: 1, inputs: '0'.repeat(64), tasks: TASKS }
const lock: SifLock = {
  recipe,
  locked: { ...small, image: { ...(small.image ?? expect.unreachable()), sif: SIF } },
}
const OWN = sifFiles({ ...expectedConfig(recipe, small.base), tasks: TASKS })
const IMAGE: LayerEntry[] = [
  entry({ path: 'etc', type: 'directory', mode: 0o755, content: Buffer.alloc(0) }),
  entry({ path: 'etc/hosts', type: 'file', mode: 0o644, content: Buffer.from('localhost') }),
]

function entry({ path, type, mode, content }: SifFile, changes: Partial<Inode> = {}): LayerEntry {
  const sha256 = type === 'file' ? hash('sha256', content) : ''
  const inode = { ...PLAIN_DIRECTORY, type, mode, mtime: TIME, size: content.length, sha256, ...changes }
  return { path, inode: { ...inode, xattrs: new Map(inode.xattrs) }, link: undefined }
}

/** The tree of a SIF as `export` makes it, with changes to what it adds. */
const tree = (changes: Record<string, Partial<Inode>> = {}, more: LayerEntry[] = []) =>
  mergeLayers([
    [
      ...IMAGE.map((each) => ({ ...each, inode: { ...each.inode } })),
      ...OWN.map((file) => entry(file, changes[file.path])),
      ...more,
    ],
  ])
const plain = () => mergeLayers([IMAGE.map((each) => ({ ...each, inode: { ...each.inode } }))])
const left = (root: ReturnType<typeof tree>) => [...new FileTree(root).files()].map(({ path }) => path)

describe('sifAdditions()', () => {
  test('takes out what export added: the rest is the image', () => {
    const { root, explained } = sifAdditions(tree(), lock)
    expect(treeDigest(root)).toBe(treeDigest(plain()))
    expect([...explained.keys()].sort()).toEqual(OWN.map(({ path }) => path).sort())
    expect(missingAdditions(lock, { root, explained })).toEqual([])
  })

  test.each<[string, Partial<Inode>]>([
    ['content', { sha256: 'f'.repeat(64) }],
    ['mode', { mode: 0o4755 }],
    ['owner', { uid: 1 }],
    ['group', { gid: 1 }],
    ['time', { mtime: TIME + 1 }],
    ['attributes', { xattrs: new Map([['user.a', 'b']]) }],
    ['type', { type: 'symlink', target: '/bin/sh', sha256: '' }],
  ])('leaves what differs in its %s, and the directories that it is in', (_, change) => {
    const found = sifAdditions(tree({ '.singularity.d/runscript': change }), lock)
    expect(left(found.root)).toEqual(['.singularity.d', '.singularity.d/runscript', 'etc', 'etc/hosts'])
    expect(missingAdditions(lock, found)).toMatchObject([
      { rule: 'sif-settings', subject: '/.singularity.d/runscript' },
    ])
  })

  test('leaves what is beside it', () => {
    const file: SifFile = { path: 'scif/apps/evil', type: 'file', mode: 0o755, content: Buffer.from('x') }
    const script = { ...file, path: '.singularity.d/env/99-evil.sh' }
    const found = sifAdditions(tree({}, [entry(file), entry(script)]), lock)
    expect(left(found.root)).toEqual([
      ...['.singularity.d', '.singularity.d/env', '.singularity.d/env/99-evil.sh'],
      ...['etc', 'etc/hosts', 'scif', 'scif/apps', 'scif/apps/evil'],
    ])
  })

  test('takes nothing for an addition that the lock does not give', () => {
    expect(treeDigest(sifAdditions(tree(), undefined).root)).toBe(treeDigest(tree()))
  })
})

describe('sifAdditions() of what Apptainer 1.4.5 built', () => {
  // of images with directories alone, and these settings
  const built = (name: string) =>
    readSifTree(join(import.meta.dirname, `../../image/recorded/${name}.sif`), { keep: wantedByAudit })
  const DIRECTORIES = ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']
  const COMMAND = { env: { PATH: '/usr/bin:/bin' }, cmd: ['a'] }
  const ALL = {
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', A: 'q"u\'o$H\\e`', EMPTY: '' },
    entrypoint: ['/bin/run', 'a b'],
    cmd: ["x'y", 'z"w', '$H', 'b\\s', 't`k', ''],
  }
  const lockOf = (settings: Partial<Recipe>): SifLock => ({
    recipe: { ...recipe, entrypoint: undefined, labels: {}, ...settings } as Recipe,
    locked: { ...small, image: small.image },
  })

  test.each<[string, Partial<Recipe>]>([
    ['apptainer-1.4.5-cmd', COMMAND],
    ['apptainer-1.4.5', ALL],
  ])('takes out all that it added: %s', async (name, settings) => {
    const { root } = await built(name)
    const found = sifAdditions(root, lockOf(settings))
    // Apptainer makes files of its own in them, for what it mounts
    expect(left(found.root).filter((path) => !/^(etc|dev|var|root|home)\b/.test(path))).toEqual(
      DIRECTORIES.filter((path) => !/^(etc|dev)$/.test(path)),
    )
    expect(new Set(found.explained.values())).toEqual(new Set(['Apptainer']))
    expect(missingAdditions(lockOf(settings), found)).toEqual([])
  })

  test.each<[string, Partial<Recipe>, string]>([
    ['variable', { ...ALL, env: { ...ALL.env, LANG: 'C' } }, '/.singularity.d/env/90-environment.sh'],
    ['word of the command', { ...ALL, cmd: ["x'y"] }, '/.singularity.d/runscript'],
    ['entrypoint', { ...ALL, entrypoint: ['/bin/run'] }, '/.singularity.d/runscript'],
    ['label', { ...ALL, labels: { title: 'x' } }, '/.singularity.d/labels.json'],
  ])('leaves what another %s of the lock does not explain', async (_, settings, subject) => {
    const { root } = await built('apptainer-1.4.5')
    const lock = lockOf(settings)
    const subjects = missingAdditions(lock, sifAdditions(root, lock)).map((finding) => finding.subject)
    expect(subjects).toContain(subject)
  })
})
