import { expect, it } from 'vitest'
import { defaultCacheDirectory } from './cache-directory.ts'

it('defaultCacheDirectory() goes by STILLROOM_CACHE, XDG_CACHE_HOME and HOME, in this order', () => {
  const HOME = '/home/ada'
  expect(defaultCacheDirectory({ HOME })).toBe('/home/ada/.cache/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: 'relative' })).toBe('/home/ada/.cache/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: '/x' })).toBe('/x/stillroom')
  expect(defaultCacheDirectory({ HOME, XDG_CACHE_HOME: '/x', STILLROOM_CACHE: '/y' })).toBe('/y')
})
