import { expect, test } from 'vitest'
import { debFormat } from './placements.ts'

test('debFormat() is zstd where every dpkg of the context reads it', () => {
  const placed = (version: string) => {
    const origin = { kind: 'debian' as const, archive: 'debian', path: 'p' }
    const artifact = { name: `dpkg ${version} amd64`, file: 'f', sha256: '', size: 1, origin }
    return { artifact, destination: 'artifacts/base/f' }
  }
  expect(debFormat([placed('1.21.22')])).toBe('zstd')
  expect(debFormat([placed('1.20.13')])).toBe('gzip')
  expect(debFormat([placed('1.22.6'), placed('1.20.13')])).toBe('gzip')
  expect(debFormat([])).toBe('gzip')
})
