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

/** All that one survey tells; plain JSON data. */
export interface Survey {
  of: string
  seed: number
  date: string
  /** How the second builds' surroundings were made different. */
  variations: string[]
  packages: number
  installable: number
  identical: number
  clean: number
  seconds: number
  /** Packages that fail by themselves, or groups whose packages do not. */
  exceptions: Trial[]
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

/**
 * Counts packages. A group in which nothing is amiss vouches for each of its packages; else each package is counted by the
 * smallest recipe in which something was. What can be locked and not be built is neither identical nor clean.
 */
export function summarize(
  about: Pick<Survey, 'of' | 'seed' | 'date' | 'variations' | 'seconds'>,
  trials: readonly Trial[],
): Survey {
  const counted = trials.flatMap((trial) => trial.packages.map(() => trial))
  const installable = counted.filter(({ failed }) => failed?.command !== LOCK)
  return {
    ...about,
    packages: counted.length,
    installable: installable.length,
    identical: installable.filter(({ failed, identical }) => failed === undefined && identical).length,
    clean: installable.filter(({ failed, clean }) => failed === undefined && clean).length,
    exceptions: trials.filter((trial) => !isWhole(trial)),
  }
}

const percent = (part: number, whole: number) =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`

/** The survey as a Markdown section. */
export function toMarkdown(survey: Survey): string {
  const { of, seed, date, variations, packages, installable, identical, clean, seconds, exceptions } = survey
  const rows = exceptions.map((trial) => {
    const { failed, causes = [], findings = [] } = trial
    const what = [
      ...(failed ? [`${failed.command}: ${failed.code}: ${failed.message}`] : []),
      ...(trial.identical === false ? [`not identical: ${causes.join('; ')}`] : []),
      ...(trial.clean === false ? [`audit: ${findings.join('; ')}`] : []),
    ]
    return `| ${trial.packages.join(' ')} | ${what.join('<br>').replaceAll('|', '\\|').replaceAll('\n', ' ')} |`
  })
  return [
    `## ${of}, seed ${seed}, ${date}`,
    '',
    `${packages} packages, ${installable} of them installable, in ${Math.round(seconds / 60)} minutes; second build with another ${variations.join(', ')}.`,
    '',
    `- identical: ${identical} (${percent(identical, installable)})`,
    `- clean audit: ${clean} (${percent(clean, installable)})`,
    ...(rows.length === 0 ? [] : ['', '| exception | what |', '| --- | --- |', ...rows]),
    '',
  ].join('\n')
}
