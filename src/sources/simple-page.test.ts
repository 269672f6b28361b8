import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyText } from '../../test/support/any-text.ts'
import { StillroomError } from '../error.ts'
import { parseSimplePage } from './simple-page.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const PAGE = 'https://index.example.org/simple/six/'
const HASH = 'ab'.repeat(32)
const json = (files: unknown, meta: unknown = { 'api-version': '1.1' }) =>
  parseSimplePage(JSON.stringify({ meta, name: 'six', files }), JSON_TYPE, PAGE)
const html = (text: string) => parseSimplePage(text, 'text/html; charset=utf-8', PAGE)
const invalid = expect.objectContaining({ code: 'INDEX_INVALID' })

describe('parseSimplePage() on JSON', () => {
  it('resolves addresses and reads sha256', () => {
    const files = json([
      {
        filename: 'six-1.0.tar.gz',
        url: '../../f/six-1.0.tar.gz',
        hashes: { sha256: HASH, md5: 'x' },
        size: 3,
      },
      {
        filename: 'six-1.0-py3-none-any.whl',
        url: 'https://files.example.org/a%2Bb?x=1#sha256=no',
        hashes: {},
      },
    ])
    expect(files).toEqual([
      { file: 'six-1.0.tar.gz', url: 'https://index.example.org/f/six-1.0.tar.gz', sha256: HASH },
      { file: 'six-1.0-py3-none-any.whl', url: 'https://files.example.org/a%2Bb?x=1' },
    ])
  })

  it('reads for which Python a file is, whether its metadata can be had, and that it was withdrawn, for no reason, too', () => {
    const entry = (more: object) => ({ filename: 'a.whl', url: 'a.whl', hashes: {}, ...more })
    const states = [{ yanked: false }, { yanked: true }, { yanked: '' }, { yanked: 'broken' }, {}]
    expect(json(states.map(entry)).map(({ yanked }) => yanked)).toEqual([
      undefined,
      true,
      true,
      true,
      undefined,
    ])
    const pythons = [{ 'requires-python': '>=3.8' }, { 'requires-python': null }, { 'requires-python': 3 }]
    expect(json(pythons.map(entry)).map((file) => file.requiresPython)).toEqual([
      '>=3.8',
      undefined,
      undefined,
    ])
    const metadata = [
      { 'core-metadata': true },
      { 'dist-info-metadata': { sha256: HASH } },
      { 'core-metadata': false },
    ]
    expect(json(metadata.map(entry)).map(({ hasMetadata }) => hasMetadata)).toEqual([true, true, undefined])
    const page = '<a href="a.whl" data-yanked>a</a><a href="b.whl" data-yanked="x">b</a><a href="c.whl">c</a>'
    expect(html(page).map(({ yanked }) => yanked)).toEqual([true, true, undefined])
    const beside = [
      'data-core-metadata="true"',
      `data-dist-info-metadata="sha256=${HASH}"`,
      'data-core-metadata="false"',
    ]
    const links = beside.map((attribute) => `<a href="a.whl" ${attribute}>a</a>`).join('')
    expect(html(links).map(({ hasMetadata }) => hasMetadata)).toEqual([true, true, undefined])
  })

  it('leaves out what is no plain file or no http address', () => {
    const entry = (filename: string, url: string) => ({ filename, url, hashes: {} })
    expect(
      json([
        entry('../../etc/passwd', 'a'),
        entry('a/b.whl', 'a'),
        entry('.hidden', 'a'),
        entry('-option', 'a'),
        entry('a\n.whl', 'a'),
        entry('a.whl', 'file:///etc/passwd'),
        entry('a.whl', 'javascript:alert(1)'),
        entry('a.whl', 'https://'),
      ]),
    ).toEqual([])
  })

  it('rejects what is no page, or one of a later major version', () => {
    for (const text of ['', '{', 'null', '[]', '{"files":[]}', '{"meta":{"api-version":"1.0"},"files":{}}']) {
      expect(() => parseSimplePage(text, JSON_TYPE, PAGE)).toThrow(invalid)
    }
    expect(() => json([], { 'api-version': '2.0' })).toThrow(invalid)
    expect(() => parseSimplePage('x', 'text/plain', PAGE)).toThrow(invalid)
  })

  it('is not led astray by names of object properties', () => {
    const text = `{"meta":{"api-version":"1.0"},"files":[{"filename":"a.whl","url":"a.whl","hashes":{"__proto__":{"sha256":"${HASH}"}}}]}`
    try {
      expect(parseSimplePage(text, JSON_TYPE, PAGE)).toEqual([{ file: 'a.whl', url: `${PAGE}a.whl` }])
    } catch (error) {
      expect(error).toEqual(invalid)
    }
  })
})

describe('parseSimplePage() on HTML', () => {
  it('takes names from addresses, decodes entities, resolves against the page', () => {
    expect(
      html(`<!DOCTYPE html><html><body><h1>Links</h1>
        <a href="../../f/six-1.0%2Blocal.whl?a=1&amp;b=2#sha256=${HASH.toUpperCase()}" data-requires-python="&gt;=3">six</a>
        <A HREF='six&#45;2.0.whl'>other</A><a href=six-3.0.whl>bare</a><a>none</a>`),
    ).toEqual([
      {
        file: 'six-1.0+local.whl',
        url: 'https://index.example.org/f/six-1.0%2Blocal.whl?a=1&b=2',
        sha256: HASH,
        requiresPython: '>=3',
      },
      { file: 'six-2.0.whl', url: `${PAGE}six-2.0.whl` },
      { file: 'six-3.0.whl', url: `${PAGE}six-3.0.whl` },
    ])
  })

  it('honours the first base', () => {
    const page = '<base href="/x/"><base href="https://evil.example.org/"><a href="a.whl">a</a>'
    expect(html(page)).toEqual([{ file: 'a.whl', url: 'https://index.example.org/x/a.whl' }])
  })

  it('sees no links in comments, scripts, styles and titles', () => {
    const link = '<a href="evil.whl">x</a>'
    expect(
      html(`<!-- ${link} --><script>'${link}'</script><style>${link}</style><title>${link}</title>`),
    ).toEqual([])
  })

  it('leaves out hostile addresses', () => {
    for (const href of [
      'javascript:x',
      'data:,a.whl',
      '%2e%2e%2fpasswd',
      '%ff.whl',
      'a%00.whl',
      'https://[',
      '..',
    ]) {
      expect(html(`<a href="${href}">x</a>`)).toEqual([])
    }
  })

  it('takes time in proportion to the page, however it is made', () => {
    for (const piece of [
      '<a ',
      '<a href="',
      '<!--',
      '<a href=a.whl>',
      '&#x',
      '<<<',
      '</a',
      '<base href=x>',
    ]) {
      const began = performance.now()
      html(piece.repeat(50_000))
      expect(performance.now() - began).toBeLessThan(5_000)
    }
  })
})

describe('parseSimplePage() on anything', () => {
  it('gives plain files at http addresses, or INDEX_INVALID', () => {
    const text = fc.oneof(
      anyText(),
      fc
        .array(
          fc.constantFrom(
            '<a href=',
            '"',
            "'",
            '>',
            'x.whl',
            '#sha256=',
            '<base href=',
            '../',
            '&amp;',
            '//',
            'http:',
          ),
        )
        .map((parts) => parts.join('')),
      fc.json(),
    )
    fc.assert(
      fc.property(text, fc.constantFrom(JSON_TYPE, 'text/html'), (page, type) => {
        try {
          for (const { file, url } of parseSimplePage(page, type, PAGE)) {
            expect(file).toMatch(/^[A-Za-z0-9_][^/\s]*$/)
            expect(url).toMatch(/^https?:\/\/[^#]*$/)
          }
        } catch (error) {
          if (!(error instanceof StillroomError)) throw error
          expect(error).toEqual(invalid)
        }
      }),
    )
  })
})
