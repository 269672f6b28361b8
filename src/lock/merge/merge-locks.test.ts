import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { arbitraryLock } from '../arbitrary-lock.test-data.ts'
import type { Json } from '../canonical-json.ts'
import { inputsChecksum } from '../lock-inputs.ts'
import { normalizeLock } from '../normalize-lock.ts'
import { parseLock } from '../parse-lock.ts'
import type { LockedImage, LockedPlatform, LockedStep, Lockfile } from '../schema.ts'
import { serializeLock } from '../serialize-lock.ts'
import { smallLock } from '../small-lock.test-data.ts'
import { mergeLocks } from './merge-locks.ts'

const PLATFORM = 'linux/amd64'
const [APT, PIP, GIT, FILE, PROJECT, RUN] = [0, 1, 2, 3, 4, 5]

type Edit = (lock: Lockfile) => Lockfile

const field =
  (name: string, value: Json): Edit =>
  (lock) => {
    const fields = { ...lock.inputs.fields, [name]: value }
    return { ...lock, inputs: { checksum: inputsChecksum(fields), fields } }
  }

const locked =
  (change: (platform: LockedPlatform) => LockedPlatform): Edit =>
  (lock) => ({ ...lock, platforms: { [PLATFORM]: change(lock.platforms[PLATFORM] as LockedPlatform) } })

const step = (index: number, change: Record<string, unknown>): Edit =>
  locked((platform) => ({
    ...platform,
    steps: platform.steps.map((step, i) => (i === index ? ({ ...step, ...change } as LockedStep) : step)),
    image: null,
  }))

const image = (digit: string): Edit =>
  locked((platform) => ({
    ...platform,
    image: platform.image && { ...platform.image, id: `sha256:${digit.repeat(64)}` },
  }))

const project = (digit: string): Edit =>
  both(
    step(PROJECT, { commit: digit.repeat(40), tree: digit.repeat(40) }),
    field('files["solver"]', digit.repeat(40)),
  )

function both(...edits: Edit[]): Edit {
  return (lock) => edits.reduce((edited, edit) => edit(edited), lock)
}

const lock = normalizeLock(smallLock)
const merged = (value: Lockfile) => ({ kind: 'merged', lock: normalizeLock(value) })
const mergeEdits = (ours: Edit, theirs: Edit) => mergeLocks(lock, ours(lock), theirs(lock))

describe('mergeLocks()', () => {
  it('takes inputs from both sides, and forgets an image that no side has built', () => {
    const [env, cmd] = [field('env', { LANG: 'C' }), field('cmd', ['sh'])]
    const expected = both(env, cmd)(lock)
    const platform = { ...(lock.platforms[PLATFORM] as LockedPlatform), image: null }
    expect(mergeEdits(env, cmd)).toEqual(merged({ ...expected, platforms: { [PLATFORM]: platform } }))
  })

  it('takes a project from one side and a resolved step before it from the other', () => {
    const pip = step(PIP, { pip: '24.0' })
    expect(mergeEdits(project('8'), pip)).toEqual(merged(both(project('8'), pip)(lock)))
  })

  it('takes a download from one side and one from the other when no resolved step comes after them', () => {
    const [git, file] = [step(GIT, { commit: '8'.repeat(40) }), step(FILE, { sha256: '5'.repeat(64) })]
    expect(mergeEdits(git, file)).toEqual(merged(both(git, file)(lock)))
  })

  it('takes changes that both sides made alike', () => {
    const [pip, other] = [step(PIP, { pip: '24.0' }), field('env', {})]
    expect(mergeEdits(both(pip, other), pip)).toEqual(merged(both(pip, other)(lock)))
  })

  it('keeps the image that a side has built of what comes out, and none that two sides differ about', () => {
    const edit = both(field('env', { LANG: 'C' }), image('7'))
    expect(mergeEdits(edit, edit)).toEqual(merged(edit(lock)))
    expect(mergeEdits(edit, (same) => same)).toEqual(merged(edit(lock)))
    const differing = mergeEdits(image('7'), image('8'))
    expect(differing.kind === 'merged' && differing.lock.platforms[PLATFORM]?.image).toBe(null)
  })

  it('keeps what each side has noted of the same image, and no note that they differ about', () => {
    const note = (notes: Partial<LockedImage>): Edit =>
      locked((platform) => ({ ...platform, image: platform.image && { ...platform.image, ...notes } }))
    const archive = { archive: { sha256: 'a'.repeat(64), size: 1 } }
    const published = (place: string) => ({
      published: { reference: `registry.example.org/${place}:1`, manifest: `sha256:${'b'.repeat(64)}` },
    })
    const [saved, pushed] = [note(archive), note(published('team'))]
    expect(mergeEdits(saved, pushed)).toEqual(merged(both(saved, pushed)(lock)))
    const elsewhere = note({ ...archive, ...published('others') })
    expect(mergeEdits(elsewhere, pushed)).toEqual(merged(saved(lock)))
  })

  it('refuses what changed on both sides, by place', () => {
    const result = mergeEdits(
      both(step(APT, { order: ['configure python3', 'unpack python3'] }), field('user', { name: 'a' })),
      both(step(APT, { order: [] }), field('user', { name: 'b' })),
    )
    const reason = 'was changed on both sides, not alike'
    expect(result).toEqual({
      kind: 'conflict',
      conflicts: [
        { field: 'inputs.fields.user', reason },
        { field: 'platforms["linux/amd64"].steps[0]', reason },
      ],
    })
  })

  it.each([
    ['an earlier step', step(APT, { order: ['configure python3', 'unpack python3'] })],
    ['what an earlier step asks for', field('steps[0]', { kind: 'apt', packages: ['python3'] })],
    ['the base', locked((platform) => ({ ...platform, epoch: platform.epoch + 1, image: null }))],
  ])('refuses a resolved step when %s changed on the other side', (_, edit) => {
    const place = {
      field: 'platforms["linux/amd64"].steps[1]',
      reason: expect.stringMatching(/not resolved/),
    }
    const conflict = { kind: 'conflict', conflicts: expect.arrayContaining([place]) }
    expect(mergeEdits(edit, step(PIP, { pip: '24.0' }))).toEqual(conflict)
    expect(mergeEdits(step(PIP, { pip: '24.0' }), edit)).toEqual(conflict)
  })

  it('refuses a step removed on one side while one was added after it on the other', () => {
    const removed = (from: Lockfile) => {
      const { 'steps[5]': _, ...fields } = from.inputs.fields
      const cut = locked((platform) => ({ ...platform, steps: platform.steps.slice(0, RUN), image: null }))
      return { ...cut(from), inputs: { checksum: inputsChecksum(fields), fields } }
    }
    const added = both(
      field('steps[6]', { kind: 'run', command: ['false'] }),
      locked((platform) => ({ ...platform, steps: [...platform.steps, { kind: 'run' }], image: null })),
    )
    expect(mergeEdits(removed, added)).toMatchObject({
      kind: 'conflict',
      conflicts: [{ field: 'platforms["linux/amd64"].steps[5].kind' }],
    })
  })

  it('refuses lockfiles that both sides added, unless they are alike', () => {
    expect(mergeLocks(undefined, lock, smallLock)).toEqual(merged(lock))
    expect(mergeLocks(undefined, lock, project('8')(lock))).toMatchObject({
      kind: 'conflict',
      conflicts: [{ field: 'lock.json' }],
    })
  })
})

describe('laws of mergeLocks()', () => {
  it('a change of one side only is taken as it is, between any two locks', () => {
    fc.assert(
      fc.property(arbitraryLock, arbitraryLock, (a, b) => {
        const wanted = serializeLock(b)
        expect(textOf(mergeLocks(a, a, a))).toBe(serializeLock(a))
        expect(textOf(mergeLocks(a, b, a))).toBe(wanted)
        expect(textOf(mergeLocks(a, a, b))).toBe(wanted)
        expect(textOf(mergeLocks(a, b, b))).toBe(wanted)
      }),
      { numRuns: rounds(8, 200) },
    )
  })

  it('which side is which makes no difference, between any three locks', () => {
    fc.assert(
      fc.property(arbitraryLock, arbitraryLock, arbitraryLock, (a, b, c) => {
        expect(mergeLocks(a, b, c)).toEqual(mergeLocks(a, c, b))
      }),
      { numRuns: rounds(8, 200) },
    )
  })

  it('of edits here and there: sides are alike, and what is merged is a lockfile', () => {
    const edits = fc.subarray([
      field('env', { LANG: 'C' }),
      field('env', { LANG: 'POSIX' }),
      field('cmd', ['sh']),
      field('steps[5]', { kind: 'run', command: ['false'] }),
      step(APT, { order: ['configure python3', 'unpack python3'] }),
      step(PIP, { pip: '24.0' }),
      step(GIT, { commit: '8'.repeat(40) }),
      step(FILE, { sha256: '5'.repeat(64) }),
      project('8'),
      project('9'),
      locked((platform) => ({ ...platform, epoch: platform.epoch + 1, image: null })),
      image('7'),
    ])
    const outcomes = new Set<string>()
    fc.assert(
      fc.property(edits, edits, (one, other) => {
        const [b, c] = [both(...one)(lock), both(...other)(lock)]
        const result = mergeLocks(lock, b, c)
        outcomes.add(result.kind)
        expect(result).toEqual(mergeLocks(lock, c, b))
        const text = textOf(result)
        if (text !== undefined) expect(serializeLock(parseLock(text, 'merged'))).toBe(text)
      }),
      { numRuns: rounds(100, 2000) },
    )
    expect([...outcomes].sort()).toEqual(['conflict', 'merged'])
  })
})

function textOf(result: ReturnType<typeof mergeLocks>): string | undefined {
  return result.kind === 'merged' ? serializeLock(result.lock) : undefined
}
