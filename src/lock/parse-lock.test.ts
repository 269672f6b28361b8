import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { StillroomError } from '../error.ts'
import { inputsChecksum } from './lock-inputs.ts'
import { parseLock } from './parse-lock.ts'
import { LOCKFILE_VERSION, type LockedBase, type LockedDebianBase, type Lockfile } from './schema.ts'
import { serializeLock } from './serialize-lock.ts'
import { smallLock } from './small-lock.test-data.ts'

const text = serializeLock(smallLock)

/** `VERSION-BASE.json`, as a stillroom that was released writes them: added to, and never edited. */
const RELEASED_LOCKS = new URL('golden/released/', import.meta.url)
const RELEASED = readdirSync(RELEASED_LOCKS)

function failure(changed: string): StillroomError {
  try {
    parseLock(changed, 'lock.json')
  } catch (error) {
    if (error instanceof StillroomError) return error
    throw error
  }
  throw new Error('parseLock() took it')
}

function edited(change: (platform: Lockfile['platforms']['linux/amd64'], lock: Lockfile) => void): string {
  const lock = structuredClone(smallLock)
  change(lock.platforms['linux/amd64'], lock)
  return serializeLock(lock)
}

function debianBase(base: LockedBase): LockedDebianBase {
  if (base.kind !== 'debian') throw new Error(`the small lock's base is of kind ${base.kind}`)
  return base
}

describe('parseLock()', () => {
  it('reads what serializeLock() wrote', () => {
    expect(serializeLock(parseLock(text, 'lock.json'))).toBe(text)
  })

  it.each(RELEASED)('reads golden/released/%s and writes it as it is', (name) => {
    const released = readFileSync(new URL(name, RELEASED_LOCKS), 'utf8')
    expect(serializeLock(parseLock(released, name))).toBe(released)
  })

  it('has a released lockfile of every version', () => {
    const versions = new Set(RELEASED.map((name) => Number.parseInt(name, 10)))
    expect([...versions].sort()).toEqual(Array.from({ length: LOCKFILE_VERSION }, (_, i) => i + 1))
  })

  it.each([
    ['{\n  "a": x\n}', 'lock.json:2:8: is not JSON: expected value, found "x"'],
    ['', 'lock.json:1:1: is not JSON: expected value, found the end of the file'],
    [text.slice(0, -4), 'found the end of the file'],
    [`${text}}`, ': is not JSON: expected , or end, found "}"'],
    [`\ufeff${text}`, 'lock.json:1:1: is not JSON'],
    [
      text.replace('\n  "recipe"', '\n<<<<<<< HEAD\n  "recipe"'),
      'lock.json:3:1: there is an unresolved merge: "<<<<<<< HEAD"',
    ],
  ])('tells line and column of what is not JSON', (changed, message) => {
    const error = failure(changed)
    expect(error.code).toBe('LOCK_INVALID')
    expect(error.message).toContain(message)
  })

  it('reads the version before all else', () => {
    const error = failure('{"lockfileVersion": 2, "cakes": []}')
    expect(error.code).toBe('LOCK_VERSION')
    expect(error.message).toContain('expected 1, actual 2')
    expect(error.hint).toBe('Update stillroom')
  })

  it.each([
    '[]',
    'null',
    '3',
    '{}',
    '{"lockfileVersion": "2"}',
    '{"lockfileVersion": 0}',
    '{"lockfileVersion": 1.5}',
  ])('rejects %s', (changed) => expect(failure(changed).code).toBe('LOCK_INVALID'))

  it('names every field that breaks the schema', () => {
    const changed = text
      .replace('"size": 1000', '"size": -1')
      .replace('"epoch": 1700000000', '"epoch": "x"')
      .replace('"kind": "run"\n', '"kind": "run",\n "colour": "red"\n')
    const { code, message } = failure(changed)
    expect(code).toBe('LOCK_INVALID')
    expect(message).toContain('platforms["linux/amd64"].epoch: "x" must be a number')
    expect(message).toContain('platforms["linux/amd64"].base.packages[0].size: -1')
    expect(message).toContain('platforms["linux/amd64"].steps[5].colour: "red" is not a known field')
  })

  it.each([
    ['a space more', text.replace('"recipe": "', '"recipe":  "'), ':3: '],
    ['no newline at the end', text.trimEnd(), 'actual the end of the file'],
    ['two newlines at the end', `${text}\n`, 'was changed by'],
    ['a key twice', text.replace('"recipe": "small"', '"recipe": "small",\n  "recipe": "small"'), ':4: '],
    ['CRLF', text.replaceAll('\n', '\r\n'), ':1: '],
  ])('rejects %s, with the line', (_, changed, message) => {
    const error = failure(changed)
    expect(error.code).toBe('LOCK_INVALID')
    expect(error.message).toContain('was changed by something else than stillroom')
    expect(error.message).toContain(message)
  })

  it('rejects entries out of order', () => {
    const lines = text.split('\n')
    const first = lines.findIndex((line) => line.includes('"name": "adduser"'))
    const swapped = lines
      .with(first, `${lines[first + 1]},`)
      .with(first + 1, (lines[first] as string).replace(/,$/, ''))
    expect(failure(swapped.join('\n')).message).toContain('was changed by something else')
  })

  it.each<[string, string, string]>([
    [
      'a package twice',
      edited(({ base }) => debianBase(base).packages.push(debianBase(base).packages[0] as never)),
      '"dpkg" is there twice',
    ],
    [
      'a seed that is no package',
      edited(({ base }) => debianBase(base).seed.push('sed')),
      '"sed" is not among',
    ],
    ['a step too few', edited(({ steps }) => steps.pop()), 'expected 6 steps as in inputs, actual 5'],
    [
      'a step of another kind',
      edited(({ steps }) => steps.reverse()),
      'steps[0].kind: expected "apt" as in inputs, actual "run"',
    ],
    [
      'another suite',
      edited(({ base }) => Object.assign(base, { suite: 'trixie' })),
      'expected "bookworm" as in inputs, actual "trixie"',
    ],
    [
      'two sizes of a file',
      edited(({ base }) => Object.assign(debianBase(base).packages[0] ?? {}, { size: 3 })),
      'has two sizes',
    ],
    [
      'a wrong checksum',
      edited((_, { inputs }) => Object.assign(inputs.fields, { cmd: ['sh'] })),
      'inputs.checksum: expected "sha256:',
    ],
  ])('rejects %s', (_, changed, message) => {
    const error = failure(changed)
    expect(error.code).toBe('LOCK_INVALID')
    expect(error.message).toContain(message)
  })

  it('never takes a text with one character changed, removed or added', () => {
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ maxLength: 1 }),
        fc.boolean(),
        (place, char, insert) => {
          const changed = text.slice(0, place) + char + text.slice(insert ? place : place + 1)
          fc.pre(changed !== text)
          const parsed = (() => {
            try {
              return parseLock(changed, 'lock.json')
            } catch (error) {
              expect(error).toBeInstanceOf(StillroomError)
              return undefined
            }
          })()
          // A digit of a hash or a letter of a name may be another one: then that is what the lock says.
          if (parsed) expect(serializeLock(parsed)).toBe(changed)
        },
      ),
      { numRuns: rounds(300, 5000) },
    )
  })

  it('takes inputs whose checksum is right', () => {
    const changed = edited((_, { inputs }) => {
      inputs.fields.cmd = ['sh']
      inputs.checksum = inputsChecksum(inputs.fields as never)
    })
    expect(parseLock(changed, 'lock.json').inputs.fields.cmd).toEqual(['sh'])
  })
})
