import { RiskKind, SOURCES_REPORT_VERSION, type SourceRisk, type SourcesReport } from './source-risk.ts'

/** What one place says of one artifact. */
export interface PlaceAnswer {
  /** `live mirror`, `snapshot`, `index`, the address of a repository. */
  label: string
  /** `has`: the same bytes as far as it says. `other`: other bytes under that name. `lacks`; `silent`: no answer. */
  answer: 'has' | 'other' | 'lacks' | 'silent'
  /** What was seen. */
  detail: string
}

/** What became known of one artifact of a lock. */
export interface ArtifactState {
  /** `deb/libc6 2.31-13`, `pypi/numpy 1.19.5`, a git address and commit. */
  subject: string
  stored: boolean
  /** In the order in which a build asks them; the first kind is where the artifact came from. */
  places: PlaceAnswer[]
}

export interface NewerVersion {
  subject: string
  locked: string
  newest: string
  /** From an archive of security updates. */
  security: boolean
}

export interface Observations {
  recipe: string
  at: string
  artifacts: ArtifactState[]
  newer: NewerVersion[]
  /** Support of the base's suite; undefined for other bases. */
  suite: { name: string; regular: string; longTerm: string } | undefined
}

const DAY = 86_400_000
/** How long before the end it is told. */
const NOTICE = 180 * DAY

/** What will rot, worst first, with what to do about it. */
export function forecast({ recipe, at, artifacts, newer, suite }: Observations): SourcesReport {
  const has = ({ places }: ArtifactState, label: (label: string) => boolean) =>
    places.some((place) => place.answer === 'has' && label(place.label))
  const live = artifacts.filter((state) => has(state, (label) => label !== 'snapshot'))
  const elsewhere = artifacts.filter((state) => !live.includes(state) && has(state, () => true))
  const risks = [
    ...artifacts.flatMap((state) => artifactRisk(recipe, state)),
    ...suiteRisk(recipe, at, suite),
    ...newerRisks(recipe, newer),
  ]
  const order = RiskKind.options
  return {
    reportVersion: SOURCES_REPORT_VERSION,
    recipe,
    at,
    artifacts: artifacts.length,
    live: live.length,
    elsewhere: elsewhere.length,
    stored: artifacts.filter(({ stored }) => stored).length,
    risks: risks.sort(
      (a, b) =>
        order.indexOf(a.kind) - order.indexOf(b.kind) ||
        (a.subject < b.subject ? -1 : Number(a.subject > b.subject)),
    ),
  }
}

function artifactRisk(recipe: string, { subject, stored, places }: ArtifactState): SourceRisk[] {
  const exporting = `stillroom store export recipe ${recipe} FILE`
  const changed = places.find(({ answer }) => answer === 'other')
  if (changed) {
    return [
      {
        kind: 'changed',
        subject,
        message: `${changed.label} has other bytes under its name: ${changed.detail}`,
        advice: 'find out why it was replaced before locking it anew; builds refuse the new bytes',
      },
    ]
  }
  if (places.some(({ answer, label }) => answer === 'has' && label !== 'snapshot')) return []
  if (places.some(({ answer }) => answer === 'has')) {
    return [
      {
        kind: 'moved',
        subject,
        message: 'only the snapshot service has it: the live mirrors have moved on',
        advice: `builds still work, and slower; keep a copy: ${exporting}`,
      },
    ]
  }
  const silent = places.filter(({ answer }) => answer === 'silent')
  if (silent.length > 0 || places.length === 0) {
    const reason = silent.map(({ label, detail }) => `${label}: ${detail}`).join('; ')
    return [
      {
        kind: 'unknown',
        subject,
        message: places.length === 0 ? 'no place is known for it' : `it could not be asked for: ${reason}`,
        advice: 'see `stillroom doctor`, and look again',
      },
    ]
  }
  return [
    {
      kind: 'gone',
      subject,
      message: `no place has it any more${stored ? '; this store does' : ', nor does this store'}`,
      advice: stored
        ? `carry it away while it is here: ${exporting}`
        : `take it from a machine that still has it (${exporting}), or lock anew: stillroom lock recipe ${recipe} --upgrade`,
    },
  ]
}

function suiteRisk(recipe: string, at: string, suite: Observations['suite']): SourceRisk[] {
  if (!suite) return []
  const now = Date.parse(at)
  const end = Date.parse(suite.longTerm)
  const subject = `debian ${suite.name}`
  const advice = `move the base to a later suite, and carry this one away: stillroom store export recipe ${recipe} FILE`
  if (now >= end) {
    return [
      {
        kind: 'suite-end',
        subject,
        message: `its long-term support ended on ${suite.longTerm}: no more security updates, and mirrors drop it`,
        advice,
      },
    ]
  }
  if (now < end - NOTICE) return []
  const days = Math.ceil((end - now) / DAY)
  return [
    {
      kind: 'suite-end',
      subject,
      message: `its long-term support ends in ${days} days, on ${suite.longTerm}`,
      advice,
    },
  ]
}

/** Updates of a distribution come in swarms: one line for those of security, one for the others. */
function newerRisks(recipe: string, newer: readonly NewerVersion[]): SourceRisk[] {
  const advice = `stillroom lock recipe ${recipe} --upgrade`
  return [true, false].flatMap((security) => {
    const list = newer.filter((each) => each.security === security)
    if (list.length === 0) return []
    const shown = list.slice(0, 12).map(({ subject, locked, newest }) => `${subject} ${locked} -> ${newest}`)
    const more = list.length > shown.length ? `, and ${list.length - shown.length} more` : ''
    const what = security ? 'security updates' : 'newer versions'
    return [
      {
        kind: 'newer' as const,
        subject: what,
        message: `${list.length}: ${shown.join(', ')}${more}`,
        advice,
      },
    ]
  })
}
