import { expect, test } from 'vitest'
import { archiveUrls, snapshotUrls } from './archive-urls.ts'

const debian = {
  debian: ['http://a.example.org/debian', 'http://b.example.org/debian'],
  'debian-security': [],
}
const date = new Date('2026-02-01T00:00:00Z')

test('archiveUrls() puts live mirrors before the snapshot service', () => {
  expect(archiveUrls('debian', date, { debian })).toEqual(debian.debian)
  const urls = archiveUrls('debian', date, { debian, snapshot: 'http://snap.example.org' })
  expect(urls.slice(0, 3)).toEqual([
    ...debian.debian,
    'http://snap.example.org/archive/debian/20260201T060000Z',
  ])
})

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
