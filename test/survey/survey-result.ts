import type { AuditReport } from '../../src/audit/audit-report.ts'
import type { VerifyReport } from '../../src/verify/verify-report.ts'

/** What became of one recipe: of a group of packages, or of one package of a group in which something was amiss. */
export interface Trial {
  packages: string[]
  /** Undefined when the recipe was built twice; else the command that failed and what it said. */
  failed?: { command: string; code: string; message: string }
  /** Whether the second image is the first, byte by byte. */
  identical?: boolean
  /** What differs, when it is not: causes with examples. */
  causes?: string[]
  /** Whether the audit of the first build has no findings. */
  clean?: boolean
  /** Rules with how many findings each and an example. */
  findings?: string[]
  /** Bytes of the image. */
  size?: number
  seconds: number
}

/** What one survey tried, perhaps over several runs; plain JSON data. */
export interface Survey {
  of: string
  seed: number
  /** Of the last run. */
  date: string
  /** How the second builds' surroundings were made different. */
  variations: string[]
  /** Of all runs. */
  seconds: number
  /** Packages that fail by themselves, or groups whose packages do not; one that is taken out is tried again. */
  trials: Trial[]
}

/** Causes of a verification that did not end identical, each with an example. */
export function causesOf({ verdict, difference, problem }: VerifyReport): string[] {
  if (difference === null) return [problem === null ? verdict : `${problem.code}: ${problem.message}`]
  const files = difference.files.length + difference.config.length
  return [
    `${files} differ`,
    ...difference.causes.map(
      ({ cause, count, examples }) => `${cause} (${count}): ${examples.slice(0, 3).join(' ')}`,
    ),
  ]
}

/** Findings of an audit by rule. */
export function findingsOf(findings: AuditReport['findings']): string[] {
  const byRule = Map.groupBy(findings, ({ rule }) => rule)
  return [...byRule].map(
    ([rule, of]) =>
      `${rule} (${of.length}): ${of
        .slice(0, 3)
        .map(({ subject }) => subject)
        .join(' ')}`,
  )
}

/** The command that fails when packages cannot be installed together. */
export const LOCK = 'lock recipe'

export const isWhole = ({ failed, identical, clean }: Trial) =>
  failed === undefined && identical === true && clean === true

/** @returns the drawn names that were not tried yet */
export function untried(drawn: readonly string[], { trials }: Survey): string[] {
  const tried = new Set(trials.flatMap(({ packages }) => packages))
  return drawn.filter((name) => !tried.has(name))
}

/**
 * Counts packages. A group in which nothing is amiss vouches for each of its packages; else each package is counted by the
 * smallest recipe in which something was. What can be locked and not be built is neither identical nor clean.
 */
export function count(trials: readonly Trial[]) {
  const counted = trials.flatMap((trial) => trial.packages.map(() => trial))
  const installable = counted.filter(({ failed }) => failed?.command !== LOCK)
  return {
    packages: counted.length,
    installable: installable.length,
    identical: installable.filter(({ failed, identical }) => failed === undefined && identical).length,
    clean: installable.filter(({ failed, clean }) => failed === undefined && clean).length,
  }
}

const percent = (part: number, whole: number) =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`

/** Surveys as Markdown: a row for each, then each exception. */
export function toMarkdown(surveys: readonly Survey[]): string {
  const rows = surveys.map(({ of, seed, date, seconds, trials }) => {
    const { packages, installable, identical, clean } = count(trials)
    const shares = [identical, clean].map((part) => `${part} (${percent(part, installable)})`)
    return [of, seed, packages, installable, ...shares, Math.round(seconds / 60), date]
  })
  const exceptions = surveys.flatMap(({ of, trials }) =>
    trials
      .filter((trial) => !isWhole(trial))
      .map((trial) => [of, trial.packages.join(' '), whatIsAmiss(trial).join('<br>')]),
  )
  return [
    ...table(['survey', 'seed', 'tried', 'installable', 'identical', 'clean', 'minutes', 'date'], rows),
    ...(exceptions.length === 0 ? [] : ['', ...table(['survey', 'exception', 'what'], exceptions)]),
    '',
  ].join('\n')
}

function whatIsAmiss({ failed, identical, causes = [], clean, findings = [] }: Trial): string[] {
  return [
    ...(failed ? [`${failed.command}: ${failed.code}: ${failed.message}`] : []),
    ...(identical === false ? [`not identical: ${causes.join('; ')}`] : []),
    ...(clean === false ? [`audit: ${findings.join('; ')}`] : []),
  ]
}

function table(head: string[], rows: (string | number)[][]): string[] {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
