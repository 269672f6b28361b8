import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { defaultCacheDirectory, requireOwnCache } from './cache-directory.ts'
import { temporaryDirectory } from './testing/temporary-directory.ts'

it('defaultCacheDirectory() goes by STILLROOM_CACHE, XDG_CACHE_HOME and HOME, in this order', () => {
  const HOME = '/home/ada'
  expect(defaultCacheDirectory({ HOME })).toBe('/home/ada/.cache/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: 'relative' })).toBe('/home/ada/.cache/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: '/x' })).toBe('/x/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: '/x', STILLROOM_CACHE: '/y' })).toBe('/y')
})

describe('requireOwnCache()', () => {
  const me = process.getuid?.() ?? 0
  const unsafe = (cache: string, user = me) =>
    requireOwnCache(cache, user).then(
      () => undefined,
      (error: { code?: string; message: string; hint?: string }) => error,
    )

  test("takes one that is missing, that is its own or root's, and that no other may write to", async () => {
    const cache = await temporaryDirectory()
    expect(await unsafe(join(cache, 'missing'))).toBeUndefined()
    for (const mode of [0o700, 0o755]) {
      await chmod(cache, mode)
      expect(await unsafe(cache)).toBeUndefined()
    }
    if (me === 0) expect(await unsafe(cache, 12345)).toBeUndefined()
  })

  test.each(['', 'store'])('refuses one whose %j is a link to a disk that is not there', async (name) => {
    const cache = await temporaryDirectory()
    await symlink('nowhere/cache', join(cache, 'link'))
    if (name !== '') await symlink('../nowhere', join(cache, name))
    const refused = await unsafe(name === '' ? join(cache, 'link') : cache)
    expect(refused).toMatchObject({
      code: 'NOT_WRITABLE',
      message: expect.stringMatching(
        /^cannot write to ".*": it is a link to ".*nowhere.*", which is not there$/,
      ),
    })
  })

  test('refuses one that is a link to itself', async () => {
    const link = join(await temporaryDirectory(), 'link')
    await symlink('link', link)
    expect(await unsafe(link)).toMatchObject({ code: 'NOT_WRITABLE' })
  })

  test.each(['', 'store'])('refuses one whose %j is a file', async (name) => {
    const cache = await temporaryDirectory()
    const file = join(cache, name || 'file')
    await writeFile(file, '')
    expect(await unsafe(name === '' ? file : cache)).toMatchObject({
      code: 'NOT_WRITABLE',
      message: `cannot write to "${file}": it is not a directory`,
    })
  })

  test.each([
    ['', 0o777, 'everybody may write to it'],
    ['', 0o1777, 'everybody may write to it'],
    ['store', 0o757, 'everybody may write to it'],
    ['audits', 0o777, 'everybody may write to it'],
  ])('refuses one whose %j has mode %i, and says what to do', async (name, mode, reason) => {
    const cache = await temporaryDirectory()
    await mkdir(join(cache, name), { recursive: true })
    await chmod(join(cache, name), mode)
    expect(await unsafe(cache)).toMatchObject({
      code: 'CACHE_UNSAFE',
      message: expect.stringContaining(reason),
      hint: expect.stringMatching(/chmod -R go-w .* STILLROOM_CACHE$/),
    })
  })

  test('refuses one of another user, or one that a group of others may write to', async ({ skip }) => {
    if (me !== 0) return skip('needs root to give a directory away')
    const cache = await temporaryDirectory()
    await chown(cache, 12345, 12345)
    expect((await unsafe(cache))?.message).toContain('it belongs to user 12345, expected 0 or root')
    expect(await unsafe(cache, 12345)).toBeUndefined()
    await chmod(cache, 0o775)
    expect(await unsafe(cache, 12345)).toBeUndefined()
    await chown(cache, 12345, 100)
    expect((await unsafe(cache, 12345))?.message).toContain('group 100 may write to it')
  })
})
