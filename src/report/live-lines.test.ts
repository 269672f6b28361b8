import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyText } from '../../test/support/any-text.ts'
import { rounds } from '../../test/support/nightly.ts'
import { displayWidth } from './display-width.ts'
import { endedLines, eraseLine, followEvent, liveLine, type Running } from './live-lines.ts'
import type { ProgressEvent } from './plain-progress.ts'

const plain = stripVTControlCharacters
const line = (running: Running, now: number, columns = 77) => plain(liveLine(running, now, columns))

/** What stays after events, each with its time, and what runs then. */
function follow(events: [number, ProgressEvent][]) {
  let running: Running | undefined
  const lines: string[] = []
  for (const [now, event] of events) {
    const next = followEvent(running, event, now)
    running = next.running
    lines.push(...next.lines.map(plain))
  }
  return { running, lines }
}

test('a stage that is over stays, with its time; one runs, with how far it is', () => {
  const { running, lines } = follow([
    [0, { kind: 'stage', title: 'recipe and lockfile' }],
    [50, { kind: 'stage', title: 'fetch' }],
    [60, { kind: 'status', text: '10/340 MB' }],
    [70, { kind: 'note', text: 'a mirror is slow' }],
    [80, { kind: 'status', text: '120/340 MB' }],
  ])
  expect(lines).toEqual(['- recipe and lockfile', '  a mirror is slow'])
  expect(running).toEqual({ title: 'fetch', status: '120/340 MB', since: 50 })
  expect(line(running as Running, 900)).toBe('\\ fetch  120/340 MB')
  expect(line(running as Running, 12_050)).toBe('| fetch  120/340 MB  12 s')
  expect(line(running as Running, 187_050)).toBe('| fetch  120/340 MB  3 min 07 s')
  expect(endedLines(running, 12_450).map(plain)).toEqual(['- fetch  12.4 s'])
  expect(endedLines(running, 187_050, true).map(plain)).toEqual(['x fetch  3 min 07 s'])
})

test('a stage begins without the status of the one before; a status alone leaves nothing', () => {
  const { running } = follow([
    [0, { kind: 'stage', title: 'fetch' }],
    [1, { kind: 'status', text: '1/2' }],
    [2, { kind: 'stage', title: 'build' }],
  ])
  expect(running).toEqual({ title: 'build', since: 2 })
  const alone = follow([
    [0, { kind: 'status', text: 'locked files' }],
    [2000, { kind: 'status', text: 'comparing' }],
  ])
  expect(line(alone.running as Running, 3000)).toBe('| comparing  3 s')
  expect(endedLines(alone.running, 3000)).toEqual([])
})

test('a narrow terminal gets what there is room for', () => {
  const running = { title: 'resolving Debian bookworm', status: 'main', since: 0 }
  const at = [77, 40, 30, 20, 9, 5, 2, 1, 0].map((columns) => line(running, 12_000, columns))
  expect(at).toEqual([
    '| resolving Debian bookworm  main  12 s',
    '| resolving Debian bookworm  main  12 s',
    '| resolving Debian bo...  12 s',
    '| resolving Debia...',
    '| reso...',
    '| res',
    '| ',
    '',
    '',
  ])
})

test('no line is wider than its terminal, whatever is in it, and none moves the cursor', () => {
  const wide = fc.constantFrom('解決中', '👩‍👩‍👧‍👦 family', 'e\u0301\u0301', '\x1b[2J', 'a\nb')
  const text = fc.oneof(anyText(), wide)
  fc.assert(
    fc.property(text, text, fc.integer({ min: 2, max: 100 }), fc.nat(1e7), (title, status, columns, now) => {
      const { running } = followEvent(undefined, { kind: 'stage', title }, 0)
      const told = followEvent(running, { kind: 'status', text: status }, 1)
      const drawn = liveLine(told.running as Running, now, columns)
      expect(displayWidth(plain(drawn))).toBeLessThanOrEqual(columns)
      expect(plain(drawn)).not.toMatch(/\p{Cc}/u)
    }),
    { numRuns: rounds(100, 5000) },
  )
})

test('a line is taken back with the rows that it has after its terminal became narrower', () => {
  expect(eraseLine(60, 80)).toBe('\r\x1b[K')
  expect(eraseLine(60, 60)).toBe('\r\x1b[K')
  expect(eraseLine(60, 25)).toBe('\r\x1b[K\x1b[A\x1b[K\x1b[A\x1b[K')
})
