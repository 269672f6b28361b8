import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { type Leaf, objectId, treeId } from '../../formats/git/git-object.ts'
import type { LockedGit } from '../../lock/schema.ts'
import { GitStep } from '../../recipe/schema.ts'
import { openStore, type Store } from '../../store/store.ts'
import { git, makeRepository, PLAIN_ENV, type PlannedFile } from './make-repository.test-data.ts'
import { type GitOptions, refetchGit, resolveGit } from './resolve-git.ts'

let root: string
let store: Store
/** A repository with the file `a` on `main`; its tests add refs. */
let plain: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stillroom-git-test-'))
  store = await openStore(join(root, 'store'))
  plain = await repository([{ mode: '100644', path: 'a', content: 'a' }])
})
afterAll(() => rm(root, { recursive: true, force: true }))

const options = (): GitOptions => ({
  env: PLAIN_ENV,
  mirrors: {},
  ca: undefined,
  temporary: root,
  signal: new AbortController().signal,
  keep: (content, expected) => store.put(content, expected),
  fetchLarge: () => Promise.reject(new Error('nothing is large here')),
  backoff: 1,
})

/** The address of a bare repository with one commit of these files on `main`. */
async function repository(files: readonly PlannedFile[], init: readonly string[] = []): Promise<string> {
  const directory = await mkdtemp(join(root, 'r-'))
  await makeRepository(directory, [files], ['--bare', ...init])
  return `file://${directory}`
}

const step = (url: string, fields: Partial<GitStep> = {}) =>
  GitStep.parse({ kind: 'git', url, ref: 'main', to: '/opt/x', ...fields })

/** The id of the tree that lies on disk after an archive is unpacked. */
async function treeOfUnpacked({ sha256, tree }: LockedGit): Promise<string> {
  const directory = await mkdtemp(join(root, 'unpacked-'))
  await execa('tar', ['-xpf', store.path(sha256), '-C', directory])
  const leaves: Leaf[] = []
  const walk = async (prefix: string): Promise<void> => {
    const here = Buffer.from(`${directory}/${prefix}`, 'latin1')
    for (const name of await readdir(here, { encoding: 'buffer' })) {
      const file = Buffer.concat([here, name])
      const path = `${prefix}${name.toString('latin1')}`
      const entry = await lstat(file)
      if (entry.isDirectory()) {
        await walk(`${path}/`)
        continue
      }
      const link = entry.isSymbolicLink()
      const content = link ? await readlink(file, { encoding: 'buffer' }) : await readFile(file)
      const mode = link ? 0o120000 : entry.mode & 0o100 ? 0o100755 : 0o100644
      leaves.push({ mode, path, id: objectId('blob', content, tree) })
    }
  }
  await walk('')
  return treeId(leaves, tree)
}

/** Any bytes but those that a name can't have. */
const name = fc
  .array(
    fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f),
    { minLength: 1, maxLength: 120 },
  )
  .map((bytes) => String.fromCharCode(...bytes))
  .filter((text) => !/^(\.{1,2}|\.git.*|git~.*)$/i.test(text) && !text.includes('\u200c'))
const planned: fc.Arbitrary<PlannedFile[]> = fc.uniqueArray(
  fc.record({
    mode: fc.constantFrom('100644' as const, '100755' as const, '120000' as const),
    path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
    content: fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 300 }).map((bytes) => {
      return String.fromCharCode(...bytes)
    }),
  }),
  { selector: ({ path }) => path.split('/')[0], minLength: 20, maxLength: 50 },
)

describe('resolveGit()', () => {
  it('archives any names, links and modes so that they unpack to the locked tree', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(planned, async (files) => {
        const url = await repository(files)
        const locked = await resolveGit(step(url), options())
        // as git itself calculated it
        expect(locked.tree).toBe(await git(url.slice('file://'.length), ['rev-parse', 'main^{tree}']))
        expect(await treeOfUnpacked(locked)).toBe(locked.tree)
      }),
      { numRuns: rounds(2, 20), endOnFailure: true },
    )
  })

  it('takes repositories of SHA-256', async () => {
    const url = await repository([{ mode: '100755', path: 'a/b', content: 'x' }], ['--object-format=sha256'])
    const locked = await resolveGit(step(url), options())
    expect(locked.commit).toMatch(/^[0-9a-f]{64}$/)
    expect(await treeOfUnpacked(locked)).toBe(locked.tree)
  })

  it('gives the same bytes again, and applies no attribute or filter of the repository', async () => {
    const files: PlannedFile[] = [
      {
        mode: '100644',
        path: '.gitattributes',
        content: '* text eol=crlf export-subst ident\nx export-ignore\n',
      },
      { mode: '100644', path: 'x', content: '$Id$ $Format:%H$\n' },
    ]
    const url = await repository(files)
    const locked = await resolveGit(step(url), options())
    const bytes = await readFile(store.path(locked.sha256))
    expect(bytes.includes('$Id$ $Format:%H$\n')).toBe(true)
    await store.discard(locked.sha256)
    await refetchGit(locked, options())
    expect(await readFile(store.path(locked.sha256))).toEqual(bytes)
  })

  it('refuses an archive that is another than locked', async () => {
    const locked = await resolveGit(step(plain), options())
    await expect(refetchGit({ ...locked, sha256: 'ab'.repeat(32) }, options())).rejects.toMatchObject({
      code: 'ARTIFACT_MISMATCH',
    })
  })

  it('takes a directory only where there is one', async () => {
    const url = await repository([{ mode: '100644', path: 'a/b/c', content: 'a' }])
    await resolveGit(step(url, { subdir: 'a/b' }), options())
    await expect(resolveGit(step(url, { subdir: 'a/b/c' }), options())).rejects.toMatchObject({
      code: 'GIT_PATH_UNKNOWN',
    })
  })

  it('refuses a tree with a name that no checkout would make', async () => {
    const directory = plain.slice('file://'.length)
    const blob = await git(directory, ['rev-parse', 'main:a'])
    for (const bad of ['..', '.GIT']) {
      const content = Buffer.concat([Buffer.from(`100644 ${bad}\0`), Buffer.from(blob, 'hex')])
      const tree = await git(
        directory,
        ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'],
        content,
      )
      const commit = await git(directory, ['commit-tree', '-m', 'bad', tree])
      await git(directory, ['update-ref', 'refs/heads/bad', commit])
      await expect(resolveGit(step(plain, { ref: 'bad' }), options())).rejects.toMatchObject({
        code: 'GIT_OBJECT_INVALID',
        message: expect.stringContaining(JSON.stringify(bad)),
      })
    }
  })

  it('takes an annotated tag for the commit that it is of', async () => {
    await git(plain.slice('file://'.length), ['tag', '-a', '-m', 'one', 'v1', 'main'])
    const branch = await resolveGit(step(plain), options())
    expect(await resolveGit(step(plain, { ref: 'v1' }), options())).toEqual(branch)
  })

  it('fails when the commit named is not there', async () => {
    await expect(resolveGit(step(plain, { ref: 'ab'.repeat(20) }), options())).rejects.toMatchObject({
      code: 'GIT_COMMIT_GONE',
    })
    await expect(resolveGit(step(plain, { ref: 'abcdef12' }), options())).rejects.toMatchObject({
      code: 'GIT_REF_UNKNOWN',
      hint: expect.stringContaining('40 digits'),
    })
  })

  it('goes to mirrors first, and to the repository itself when they lack the commit', async () => {
    const mirrored = 'https://git.example.invalid/team/x.git'
    const mirrors = { [mirrored]: ['file:///nowhere/x.git', plain] }
    const locked = await resolveGit(step(mirrored), { ...options(), mirrors })
    expect(locked.url).toBe(mirrored)
  })
})
