import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { bareUrl, redactLogins, redactUrl } from './redact-url.ts'

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
  ['https://example.org:8080/~me@home', 'https://example.org:8080/~me@home'],
  ['https://[::1]:8080/~me@home', 'https://[::1]:8080/~me@home'],
  ["see 'https://u:it's@example.org/a'", "see 'https://***@example.org/a'"],
  ["https://example.org/a'b?token='c'", "https://example.org/a'b?***"],
])('redactUrl(%j) is %j', (text, expected) => {
  expect(redactUrl(text)).toBe(expected)
})

/** Of a user part (RFC 3986, 3.2.1), and what URL parsers take there besides. */
const USERINFO = `AZaz09._~-%41!$&'()*+,;=:"<>[]^\`{|}@\u00e9`
/** Of a query (RFC 3986, 3.4). */
const QUERY = "AZaz09._~-%41!$&'()*+,;=:@/?"

test('redactUrl() leaves no login and no query of any URL, wherever it stands in a text', () => {
  const text = (characters: string) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 20 })
  fc.assert(
    fc.property(
      text(USERINFO),
      text(USERINFO),
      fc.constantFrom('', ':8080', '/simple', "/it's/a", '/~a@b'),
      text(QUERY),
      fc.constantFrom(
        ...['%', '"%"', "'%'", 'fatal: unable to access %: gone', '(%)', '%, http://c@d.example'],
      ),
      (before, after, path, query, around) => {
        const url = `https://u:${before}S3CRET${after}@example.org${path}?${query}S3CRET${query}#f`
        expect(URL.canParse(url)).toBe(true)
        expect(redactUrl(around.replace('%', () => url))).not.toContain('S3CRET')
        expect(redactLogins(around.replace('%', () => url.replace(/\?.*/, '')))).not.toContain('S3CRET')
      },
    ),
    { numRuns: rounds(300, 10_000) },
  )
})

test.each(['https://u:a/b@h.example/x', 'https://u:a?b@h.example/x', 'https://u:a#b@h.example/x'])(
  'redactUrl() shows no password of %s, which is no valid URL',
  (url) => {
    expect(redactUrl(url)).toBe('https://***@h.example/x')
  },
)

test.each([
  ['https://u:p@h.example/x.git?t=1#f', 'https://h.example/x.git'],
  ['https://u:p@q@h.example', 'https://h.example'],
  ['git@h.example:x/y.git', 'git@h.example:x/y.git'],
  ['file:///srv/x', 'file:///srv/x'],
])('bareUrl(%j) is %j', (url, bare) => {
  expect(bareUrl(url)).toBe(bare)
})
