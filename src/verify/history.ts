import { z } from 'zod'
import { tryJson } from '../formats/json/try-json.ts'
import type { LockedPlatform, LockedStep } from '../lock/schema.ts'
import { SourcesReport } from './forecast.ts'
import type { VerifyReport } from './verify-report.ts'

export const HISTORY_VERSION = 1

/** A part of an image by what goes into it. */
export const Part = z.strictObject({
  /** `base` or a step: `apt-1`, `project-3`. */
  part: z.string(),
  /** `debian`, `image`, `apt`, `pip`, `git`, `file`, `project`, `run`. */
  kind: z.string(),
  packages: z.int().nonnegative(),
  /** Of its artifacts, as fetched; what comes from the repository itself counts nothing. */
  bytes: z.int().nonnegative(),
})
export type Part = z.infer<typeof Part>

/** One verification of one recipe, as the history keeps it: docs/history.md. */
export const HistoryRun = z.strictObject({
  historyVersion: z.literal(HISTORY_VERSION),
  /** When it began, ISO 8601. */
  at: z.iso.datetime(),
  recipe: z.string(),
  platform: z.string(),
  verdict: z.enum(['identical', 'equivalent', 'different', 'inconclusive', 'failed']),
  /** sha256 of lock.json in hex; the file is kept as `locks/SHA256.json`. */
  lock: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** The commit of the repository; null outside of one. */
  revision: z.string().nullable(),
  /** Image IDs: what was built, and what it was compared with. */
  image: z.string().nullable(),
  reference: z.string().nullable(),
  variations: z.array(z.string()),
  causes: z.array(
    z.strictObject({
      cause: z.string(),
      title: z.string(),
      advice: z.string(),
      count: z.int().nonnegative(),
      examples: z.array(z.string()),
    }),
  ),
  problem: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  seconds: z.number().nonnegative(),
  parts: z.array(Part),
})
export type HistoryRun = z.infer<typeof HistoryRun>

/** What a history says, oldest first. */
export interface History {
  runs: HistoryRun[]
  sources: SourcesReport[]
  /** Lines that could not be read: reported, never dropped. */
  problems: { file: string; line: number; reason: string }[]
}

/** A verification as the history keeps it. */
export function historyRun(
  report: VerifyReport,
  context: { at: string; revision: string | null; locked: LockedPlatform | null },
): HistoryRun {
  const { recipe, platform, verdict, lock, image, reference, difference, problem, stages } = report
  return {
    historyVersion: HISTORY_VERSION,
    at: context.at,
    recipe,
    platform,
    verdict,
    lock,
    revision: context.revision,
    image: image?.id ?? null,
    reference: reference?.id ?? null,
    variations: report.variations.map(({ variation, value }) => `${variation}: ${value}`),
    causes: difference?.causes ?? [],
    problem: problem && { code: problem.code, message: problem.message },
    seconds: Math.round(stages.reduce((sum, { seconds }) => sum + seconds, 0) * 10) / 10,
    parts: context.locked === null ? [] : partsOf(context.locked),
  }
}

/** One line of `runs.jsonl`. */
export function historyLine(run: HistoryRun): string {
  return `${JSON.stringify(run)}\n`
}

/** Reads the two files of a history; a line that is wrong becomes a problem. */
export function parseHistory(files: { runs: string; sources: string }): History {
  const runs = parseLines('runs.jsonl', files.runs, HistoryRun)
  const sources = parseLines('sources.jsonl', files.sources, SourcesReport)
  const byTime = (a: { at: string }, b: { at: string }) => Date.parse(a.at) - Date.parse(b.at)
  return {
    runs: runs.entries.sort(byTime),
    sources: sources.entries.sort(byTime),
    problems: [...runs.problems, ...sources.problems],
  }
}

function parseLines<T>(file: string, text: string, schema: z.ZodType<T>) {
  const entries: T[] = []
  const problems: History['problems'] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const data = tryJson(line)
    if (data === undefined) {
      problems.push({ file, line: index + 1, reason: 'the line is not JSON, or is cut short' })
      continue
    }
    const result = schema.safeParse(data)
    if (result.success) entries.push(result.data)
    else {
      const [issue] = result.error.issues
      const field = issue?.path.join('.')
      problems.push({
        file,
        line: index + 1,
        reason: `${field ? `${field}: ` : ''}${issue?.message}`,
      })
    }
  }
  return { entries, problems }
}

/** What goes into an image, the base first. */
export function partsOf({ base, steps }: LockedPlatform): Part[] {
  const sum = (list: readonly { size: number }[]) => list.reduce((total, { size }) => total + size, 0)
  const first: Part =
    base.kind === 'debian'
      ? { part: 'base', kind: 'debian', packages: base.packages.length, bytes: sum(base.packages) }
      : {
          part: 'base',
          kind: base.kind,
          packages: base.inventory.length,
          bytes: base.kind === 'image' ? sum(base.layers) : 0,
        }
  const artifacts = (step: LockedStep): readonly { size: number }[] => {
    switch (step.kind) {
      case 'apt':
        return step.packages
      case 'pip':
        return step.files
      case 'git':
      case 'file':
        return [step]
      case 'project':
      case 'copy':
      case 'run':
        return []
    }
  }
  return [
    first,
    ...steps.map((step, index) => ({
      part: `${step.kind}-${index + 1}`,
      kind: step.kind,
      packages: step.kind === 'apt' || step.kind === 'pip' ? artifacts(step).length : 0,
      bytes: sum(artifacts(step)),
    })),
  ]
}
