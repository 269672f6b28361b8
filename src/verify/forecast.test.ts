import { describe, expect, it } from 'vitest'
import { type ArtifactState, forecast, type Observations, type SourceAnswer } from './forecast.ts'

const nothing: Observations = {
  recipe: 'hello',
  at: '2026-11-22T02:00:00.000Z',
  artifacts: [],
  refs: [],
  newer: [],
  excluded: [],
  suite: undefined,
}

const source = (label: string, answer: SourceAnswer['answer']): SourceAnswer => ({
  label,
  answer,
  detail: 'seen',
})
const state = (stored: boolean, ...answers: SourceAnswer[]): ArtifactState => ({
  subject: 'deb/a 1',
  stored,
  answers,
})

describe('forecast()', () => {
  it.each<[string, ArtifactState, string | undefined]>([
    ['where it came from', state(false, source('live mirror', 'has')), undefined],
    [
      'on the second mirror',
      state(false, source('live mirror', 'silent'), source('live mirror', 'has')),
      undefined,
    ],
    [
      'on the snapshot only',
      state(false, source('live mirror', 'lacks'), source('snapshot', 'has')),
      'moved',
    ],
    ['nowhere', state(true, source('live mirror', 'lacks'), source('snapshot', 'lacks')), 'gone'],
    [
      'perhaps somewhere',
      state(true, source('live mirror', 'lacks'), source('snapshot', 'silent')),
      'unknown',
    ],
    ['without a source', state(true), 'unknown'],
    ['replaced', state(true, source('live mirror', 'other'), source('snapshot', 'has')), 'changed'],
  ])('says what an artifact %s means', (_, artifact, kind) => {
    const { risks } = forecast({ ...nothing, artifacts: [artifact] })
    expect(risks.map((risk) => risk.kind)).toEqual(kind === undefined ? [] : [kind])
  })

  it('counts where artifacts are', () => {
    const artifacts = [
      state(true, source('index', 'has')),
      state(false, source('live mirror', 'lacks'), source('snapshot', 'has')),
      state(false, source('live mirror', 'lacks')),
    ]
    expect(forecast({ ...nothing, artifacts })).toMatchObject({
      artifacts: 3,
      live: 1,
      elsewhere: 1,
      stored: 1,
    })
  })

  it("tells of a suite's end half a year before", () => {
    const suite = { name: 'bookworm', regular: '2026-06-10', longTerm: '2028-06-30' }
    const at = (day: string) =>
      forecast({ ...nothing, at: `${day}T00:00:00Z`, suite }).risks.map(({ message }) => message)
    expect(at('2027-12-31')).toEqual([])
    expect(at('2028-06-20')).toEqual(['its long-term support ends in 10 days, on 2028-06-30'])
    expect(at('2028-06-30')[0]).toContain('ended on 2028-06-30')
  })

  it('puts the worst first, and security updates apart', () => {
    const newer = [
      { subject: 'deb/b', locked: '1', newest: '2', security: false },
      { subject: 'deb/c', locked: '1', newest: '1+deb12u1', security: true },
    ]
    const suite = { name: 'bullseye', regular: '2024-08-14', longTerm: '2026-08-31' }
    const { risks } = forecast({
      ...nothing,
      newer,
      suite,
      artifacts: [state(false, source('live mirror', 'lacks'))],
    })
    expect(risks.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      'gone deb/a 1',
      'suite-end debian bullseye',
      'newer newer versions',
      'newer security updates',
    ])
  })
})
