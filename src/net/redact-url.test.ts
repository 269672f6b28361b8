import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bareUrl, redactUrl } from './redact-url.ts'

test.each([
  ['https://me:secret@pypi.example.org/simple', 'https://***@pypi.example.org/simple'],
  ['https://token@example.org', 'https://***@example.org'],
  ['https://a:p@ss@example.org/x', 'https://***@example.org/x'],
  [
    'see git+https://u:p@example.org/a and http://v:q@example.org',
    'see git+https://***@example.org/a and http://***@example.org',
  ],
  ['https://example.org/x?token=abc#frag', 'https://example.org/x?***#frag'],
  ['https://example.org/~me@home', 'https://example.org/~me@home'],
  ['mail me@example.org', 'mail me@example.org'],
])('redactUrl(%j) is %j', (text, expected) => {
  expect(redactUrl(text)).toBe(expected)
})

test('redactUrl() leaves no password of any valid URL', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'AZaz09%._~!$&()*+,;=:-'), maxLength: 20 }),
      fc.constantFrom('', '/simple', '/~a@b?c=d#e'),
      (secret, path) => {
        expect(redactUrl(`https://u:S3CRET${secret}@example.org${path}`)).not.toContain('S3CRET')
      },
    ),
  )
})

test.each([
  ['https://u:p@h.example/x.git?t=1#f', 'https://h.example/x.git'],
  ['https://u:p@q@h.example', 'https://h.example'],
  ['git@h.example:x/y.git', 'git@h.example:x/y.git'],
  ['file:///srv/x', 'file:///srv/x'],
])('bareUrl(%j) is %j', (url, bare) => {
  expect(bareUrl(url)).toBe(bare)
})
