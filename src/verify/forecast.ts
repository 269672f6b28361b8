import { z } from 'zod'

/**
 * What threatens a source. `gone`: no source has it any more, only a store. `moved`: the live source lost it, another
 * still has it. `changed`: other bytes under its name. `tag-moved`: a git tag names another commit than was locked;
 * `ref-gone`: a git repository has the recipe's ref no more; `branch-moved`: a branch has gone on. `redirected`: its
 * address leads to another one for good. `unknown`: nobody could be asked. `suite-end`: the suite's support ends or has
 * ended. `newer`: a newer version is out.
 */
export const RiskKind = z.enum([
  ...['gone', 'changed', 'tag-moved', 'ref-gone', 'moved', 'redirected', 'suite-end', 'unknown'],
  ...['branch-moved', 'newer'],
] as const)
export type RiskKind = z.infer<typeof RiskKind>

export const SourceRisk = z.strictObject({
  kind: RiskKind,
  /** `deb/libc6 2.31-13`, `pypi/numpy 1.19.5`, `debian bullseye`, a git address. */
  subject: z.string(),
  /** One sentence, without a period at its end. */
  message: z.string(),
  /** What to do about it, and when. */
  advice: z.string(),
})
export type SourceRisk = z.infer<typeof SourceRisk>

/** `stated`: by the digest that the source itself states. `hashed`: by downloading it. `size`: by its size alone. */
export const Comparison = z.enum(['stated', 'hashed', 'size'])
export type Comparison = z.infer<typeof Comparison>

/** A newer version that is not advised. */
export const ExcludedVersion = z.strictObject({
  subject: z.string(),
  locked: z.string(),
  newest: z.string(),
  /** What speaks against it, such as the recipe's own requirement. */
  reason: z.string(),
})
export type ExcludedVersion = z.infer<typeof ExcludedVersion>

export const SOURCES_REPORT_VERSION = 1

/** How the sources of one recipe fare; plain JSON data. */
export const SourcesReport = z.strictObject({
  reportVersion: z.literal(SOURCES_REPORT_VERSION),
  recipe: z.string(),
  /** When they were asked, ISO 8601. */
  at: z.iso.datetime(),
  /** Artifacts looked at. */
  artifacts: z.int().nonnegative(),
  /** Of those, how many the live sources, a snapshot or another source, and this machine's store have. */
  live: z.int().nonnegative(),
  elsewhere: z.int().nonnegative(),
  stored: z.int().nonnegative(),
  /** How the contents of single files were compared: those of `file` steps and of requirements by address. */
  files: z.array(z.strictObject({ subject: z.string(), compared: Comparison })).optional(),
  /** Newer versions that the recipe, what else is locked or the image's Python rules out: no risk names them. */
  excluded: z.array(ExcludedVersion).optional(),
  /** Worst first. */
  risks: z.array(SourceRisk),
})
export type SourcesReport = z.infer<typeof SourcesReport>

/** What one source says of one artifact. */
export interface SourceAnswer {
  /** `live mirror`, `snapshot`, `index`, the address of a repository. */
  label: string
  /** `has`: the same bytes as far as it says. `other`: other bytes under that name. `lacks`; `silent`: no answer. */
  answer: 'has' | 'other' | 'lacks' | 'silent'
  /** What was seen. */
  detail: string
  /** Which part of it was not found, or is kept elsewhere alone, when it has parts: `its submodule "a"`. */
  about?: string
  /** How its bytes were compared with those that were locked. */
  compared?: Comparison
  /** Where its address leads for good. */
  movedTo?: string
}

/** What became known of one artifact of a lock. */
export interface ArtifactState {
  /** `deb/libc6 2.31-13`, `pypi/numpy 1.19.5`, a git address and commit. */
  subject: string
  stored: boolean
  /** In the order in which a build asks them; the first kind is where the artifact came from. */
  answers: SourceAnswer[]
}

export interface NewerVersions {
  newer: NewerVersion[]
  excluded: ExcludedVersion[]
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
  /** Of git steps' refs. */
  refs: SourceRisk[]
  newer: NewerVersion[]
  excluded: ExcludedVersion[]
  /** Support of the base's suite; undefined for other bases. */
  suite: { name: string; regular: string; longTerm: string } | undefined
}

/** Of the archive of commits. */
export const COMMIT_ARCHIVE = 'archive of commits'
/** Labels of sources that keep what others drop. */
const KEEPERS = new Set(['snapshot', 'archive of old releases', COMMIT_ARCHIVE])

const DAY = 86_400_000
/** How long before the end a warning is given. */
const NOTICE = 180 * DAY

/** What will rot, worst first, with what to do about it. */
export function forecast({
  recipe,
  at,
  artifacts,
  refs,
  newer,
  excluded,
  suite,
}: Observations): SourcesReport {
  const has = ({ answers }: ArtifactState, label: (label: string) => boolean) =>
    answers.some(({ answer, label: name }) => answer === 'has' && label(name))
  const live = artifacts.filter((state) => has(state, (label) => !KEEPERS.has(label)))
  const elsewhere = artifacts.filter((state) => !live.includes(state) && has(state, () => true))
  const risks = [
    ...artifacts.flatMap((state) => [...artifactRisk(recipe, state), ...redirectRisk(state)]),
    ...refs,
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
    files: artifacts.flatMap(({ subject, answers }) =>
      answers.flatMap(({ compared }) => (compared === undefined ? [] : [{ subject, compared }])),
    ),
    excluded,
    risks: risks.sort(
      (a, b) =>
        order.indexOf(a.kind) - order.indexOf(b.kind) ||
        (a.subject < b.subject ? -1 : Number(a.subject > b.subject)),
    ),
  }
}

function artifactRisk(recipe: string, { subject, stored, answers }: ArtifactState): SourceRisk[] {
  const exporting = `stillroom store export recipe ${recipe} FILE`
  const changed = answers.find(({ answer }) => answer === 'other')
  if (changed) {
    return [
      {
        kind: 'changed',
        subject,
        message: `${changed.label} has other bytes under its name: ${changed.detail}`,
        advice: 'find out why it was replaced before locking it again; builds refuse the new bytes',
      },
    ]
  }
  const keeper = answers.find(({ answer }) => answer === 'has')
  if (answers.some(({ answer, label }) => answer === 'has' && !KEEPERS.has(label))) return []
  if (keeper) {
    const isCommit = keeper.label === COMMIT_ARCHIVE
    return [
      {
        kind: 'moved',
        subject,
        message: isCommit
          ? `only the archive of commits has ${keeper.about || 'it'}: its repository gives it no more`
          : 'only the snapshot service has it: the live mirrors have moved on',
        advice: `builds still work, and slower; keep a copy: ${exporting}`,
      },
    ]
  }
  const silent = answers.filter(({ answer }) => answer === 'silent')
  if (silent.length > 0 || answers.length === 0) {
    const reason = silent.map(({ label, detail }) => `${label}: ${detail}`).join('; ')
    return [
      {
        kind: 'unknown',
        subject,
        message: answers.length === 0 ? 'no source is known for it' : `no source answered: ${reason}`,
        advice: 'run `stillroom doctor`, then try again',
      },
    ]
  }
  const missing = answers.map(({ about }) => about).find((about) => about) ?? 'it'
  return [
    {
      kind: 'gone',
      subject,
      message: `no source has ${missing} any more${stored ? '; this store does' : ', nor does this store'}`,
      advice: stored
        ? `export it while it is here: ${exporting}`
        : `take it from a machine that still has it (${exporting}), or lock again: stillroom lock recipe ${recipe} --upgrade`,
    },
  ]
}

function redirectRisk({ subject, answers }: ArtifactState): SourceRisk[] {
  return answers.flatMap(({ movedTo }) =>
    movedTo === undefined
      ? []
      : [
          {
            kind: 'redirected' as const,
            subject,
            message: `its address leads for good to ${movedTo}`,
            advice: 'write that address in the recipe, and lock again: a redirect need not last',
          },
        ],
  )
}

function suiteRisk(recipe: string, at: string, suite: Observations['suite']): SourceRisk[] {
  if (!suite) return []
  const now = Date.parse(at)
  const end = Date.parse(suite.longTerm)
  const subject = `debian ${suite.name}`
  const advice = `move the base to a later suite, and export this one: stillroom store export recipe ${recipe} FILE`
  if (now >= end) {
    return [
      {
        kind: 'suite-end',
        subject,
        message: `its long-term support ended on ${suite.longTerm}: there are no more security updates, and mirrors drop it`,
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
