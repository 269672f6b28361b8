import { expect, test } from 'vitest'
import type { ProgressEvent } from '../report/plain-progress.ts'
import { progressDisplay } from './live-display.ts'

const EVENTS: ProgressEvent[] = [
  { kind: 'stage', title: 'fetch' },
  { kind: 'status', text: '1/2 MB' },
  { kind: 'status', text: 'main' },
  { kind: 'note', text: 'a mirror is slow' },
  { kind: 'stage', title: 'build' },
]

/** What is written of these events, and of the end. */
function shown({ isTTY = true, columns = 80, env = { TERM: 'xterm' } as NodeJS.ProcessEnv, json = false }) {
  let text = ''
  const terminal = {
    isTTY,
    columns,
    write: (more: string) => {
      text += more
    },
  }
  const display = progressDisplay(terminal, env, json, () => 0)
  for (const event of EVENTS) display.report(event)
  display.end(true)
  display.end()
  return text
}

test.each([
  ['no terminal', { isTTY: false }],
  ['NO_COLOR', { env: { TERM: 'xterm', NO_COLOR: '1' } }],
  ['a dumb terminal', { env: { TERM: 'dumb' } }],
  ['CI', { env: { TERM: 'xterm', CI: 'true' } }],
  ['--json', { json: true }],
])('progress is plain lines with %s', (_, options) => {
  expect(shown(options)).toBe('- fetch\n  main\n  a mirror is slow\n- build\n')
})

test('a terminal has one line that is drawn again, below those that stay', () => {
  expect(shown({}).replaceAll('\x1b', 'ESC')).toMatchInlineSnapshot(`
    "ESC[36m|ESC[39m fetch
    ESC[K  a mirror is slow
    ESC[36m|ESC[39m fetchESC[2m  mainESC[22m
    ESC[KESC[32m-ESC[39m fetch
    ESC[36m|ESC[39m build
    ESC[KESC[31mxESC[39m build
    "
  `)
})

test('a terminal that says no width has 80 columns', () => {
  expect(shown({ columns: 0 })).toBe(shown({ columns: 80 }))
})
