import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ImageConfig, Index, Manifest, SavedImages } from '../oci.ts'
import { findRepeatedKey } from './go-keys.ts'
import { checkShape, parseJson } from './parse-json.ts'

const parse = (text: string | Buffer) => parseJson(Buffer.from(text), 'it')
const invalid = (reason: string) =>
  expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining(reason) })

describe('parseJson()', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value)
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each<[string, string | Buffer, string]>([
    ['a key twice', '{"config":{"a":1},"config":{"b":2}}', 'the key "config" twice'],
    ['a key twice deep inside', '[{"a":[{"b":1},{"b":1,"c":{},"b":2}]}]', 'the key "b" twice'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', 'the key "a" twice'],
    ['bytes that are not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 'is not JSON'],
    ['a byte order mark', '\ufeff{}', 'is not JSON'],
    ['half a surrogate pair', '{"a":"\\ud800"}', 'half a surrogate pair'],
    ['half a surrogate pair in a key', '{"\\udc00":1}', 'half a surrogate pair'],
    ['more after the value', '{} {}', 'is not JSON'],
  ])('rejects %s', (_, text, reason) => {
    expect(() => parse(text)).toThrow(invalid(reason))
  })

  it('minds no key of another object, and no value', () => {
    const text = '{"a":{"b":"a","c":["b","b"]},"b":{"b":1},"c":[{"a":1},{"a":2}],"d\\"":"{","{":"\\"d\\":"}'
    expect(findRepeatedKey(text)).toBeUndefined()
    expect(parse('"\\ud83d\\ude00"')).toBe('\u{1f600}')
  })
})

const config = (more: object, inner: object = {}) => ({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
  config: { Env: ['PATH=/bin'], ...inner },
  ...more,
})

describe('checkShape()', () => {
  it.each<[string, Parameters<typeof checkShape>[0], object, string]>([
    ['another case', ImageConfig, config({ Config: { Entrypoint: ['/evil'] } }), '"Config"'],
    ['another case in an object', ImageConfig, config({}, { env: ['LD_PRELOAD=/evil.so'] }), '"env"'],
    ['another case of what nobody asks for', ImageConfig, config({}, { healthcheck: {} }), '"healthcheck"'],
    ['the long s', ImageConfig, config({ 'o\u017f': 'linux' }), '"o\u017f"'],
    ['the sign of Kelvin', ImageConfig, config({}, { 'Healthchec\u212a': {} }), '"Healthchec\u212a"'],
    ['another case in a history', ImageConfig, config({ history: [{ Empty_Layer: true }] }), '"Empty_Layer"'],
    ['another case in a manifest', Manifest, { Layers: [] }, '"Layers"'],
    ['another case in an index', Index, { manifests: [{ Digest: '' }] }, '"Digest"'],
    ['another case in a platform', Index, { manifests: [{ platform: { OS: '' } }] }, '"OS"'],
    ['another case in manifest.json', SavedImages, [{ config: '' }], '"config"'],
  ])('rejects %s of a key', (_, schema, data, key) => {
    expect(() => checkShape(schema, data, 'it')).toThrow(
      invalid(`has the key ${key}, which engines take for`),
    )
  })

  it('takes unknown keys, and any keys of labels', () => {
    const data = config({ unknown: 1 }, { Unknown: 1, Labels: { a: '1', A: '2', Env: '3', env: '4' } })
    expect(checkShape(ImageConfig, data, 'it')).toMatchObject(data)
  })

  it.each<[string, object]>([
    ['numbers with a fraction', config({}, { StopTimeout: 1.5 })],
    ['numbers beyond all', config({}, { Healthcheck: { Interval: 1e300 } })],
    ['text for a list', config({}, { Entrypoint: '/bin/sh' })],
  ])('rejects %s', (_, data) => {
    expect(() => checkShape(ImageConfig, data, 'it')).toThrow(
      invalid('is not as the image specification has it'),
    )
  })
})
