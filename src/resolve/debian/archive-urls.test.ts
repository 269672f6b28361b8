import { expect, test } from 'vitest'
import { archiveUrls } from './archive-urls.ts'

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
