import { expect, test } from 'vitest'
import { snapshotUrls } from './snapshot-urls.ts'

test('snapshotUrls() asks for times after the Release file', () => {
  const urls = snapshotUrls(
    'https://snapshot.example.org/',
    'debian-security',
    new Date('2025-12-31T20:00:00Z'),
  )
  expect(urls.slice(0, 3)).toEqual([
    'https://snapshot.example.org/archive/debian-security/20260101T020000Z',
    'https://snapshot.example.org/archive/debian-security/20260101T080000Z',
    'https://snapshot.example.org/archive/debian-security/20260101T200000Z',
  ])
})
