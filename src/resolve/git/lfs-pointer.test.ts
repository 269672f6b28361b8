import { describe, expect, it } from 'vitest'
import { lfsEndpoint } from './lfs-batch.ts'
import { parsePointer } from './lfs-pointer.ts'

const oid = 'ab'.repeat(32)
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`

describe('parsePointer()', () => {
  it('reads a pointer, and takes nothing else for one', () => {
    expect(parsePointer(Buffer.from(pointer))).toEqual({ oid, size: 12345 })
    expect(parsePointer(Buffer.from(pointer.replace('\noid', '\next-0-x sha256:00\noid')))).toEqual({
      oid,
      size: 12345,
    })
    expect(parsePointer(Buffer.from(`${pointer}${' '.repeat(1024)}`))).toBeUndefined()
    expect(parsePointer(Buffer.from(pointer.replace('version', 'versions')))).toBeUndefined()
    expect(parsePointer(Buffer.from(pointer.replace(oid, oid.slice(1))))).toBeUndefined()
    expect(parsePointer(Buffer.from(''))).toBeUndefined()
  })
})

describe('lfsEndpoint()', () => {
  it.each([
    ['https://git.example.org/a/b', 'https://git.example.org/a/b.git/info/lfs'],
    ['https://git.example.org/a/b.git/', 'https://git.example.org/a/b.git/info/lfs'],
    ['git@git.example.org:a/b.git', 'https://git.example.org/a/b.git/info/lfs'],
    ['ssh://git@git.example.org:2222/a/b.git', 'https://git.example.org/a/b.git/info/lfs'],
    ['file:///srv/b.git', undefined],
  ])('of %s is %s', (url, expected) => {
    expect(lfsEndpoint(url)).toBe(expected)
  })
})
