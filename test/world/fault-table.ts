import { StillroomError } from '../../src/error.ts'
import type { Times } from './fault-cases.ts'
import type { SeenRequest } from './fault-proxy.ts'

/** What became of one fault at one source. */
export interface Cell {
  source: string
  fault: string
  times: Times
  /** How many places failed before one gave it, or why none did. */
  outcome: number | StillroomError
  /** Those that met the fault, or came after it. */
  requests: SeenRequest[]
  /** How many requests it takes without a fault. */
  needed: number
  /** Whether the next fetch, without the fault, went on where this one had stopped. */
  resumed: boolean
}

/** The document: what becomes of each fault at each source, and what is said where nothing helps. */
export function faultTable(
  faults: readonly string[],
  sources: readonly string[],
  cells: readonly Cell[],
): string {
  const find = (fault: string, source: string, times: Times) =>
    cells.find((cell) => cell.fault === fault && cell.source === source && cell.times === times)
  const rows = (times: Times) =>
    faults.map((fault) => [fault, ...sources.map((source) => inWords(find(fault, source, times)))])
  const reasons = sources.map((source) =>
    [
      `**${source}**`,
      ...grouped(cells.filter((cell) => cell.source === source && cell.times === 'always')),
    ].join('\n\n'),
  )
  return `${[
    '# What becomes of faults',
    `Each fault is made by a server that stands before a real one, while one file is fetched, and the end-to-end test that
does it writes this page. Afterwards the store holds what it held before, unharmed, and the file only if it came to its
end and hashed right. The next fetch, without the fault, succeeds in every case.`,
    `- **got**: it came, in its own time;
- **again**: it was asked for again;
- **resumed**: it was asked for again from where it had stopped;
- **next**: another source had it;
- a code of [errors.md](errors.md) with the exit code: it failed. Nothing is decided, and nothing half-written kept;
- **next run**: what came stays, by its digest, and the next fetch goes on from there.`,
    'Test runs wait for two seconds where a run waits for thirty, and try three times where a run tries six.',
    '## The first request meets the fault',
    markdown(['fault', ...sources], rows('once')),
    '## Every request meets it',
    markdown(['fault', ...sources], rows('always')),
    '## What it says then',
    `The whole of one message:\n\n\`\`\`\n${example(cells.filter(({ source }) => source === sources[0]))}\n\`\`\`\n\nFor each source that was asked, the reason:`,
    ...reasons,
  ].join('\n\n')}\n`
}

function inWords(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  const { outcome, requests, needed, resumed } = cell
  if (outcome instanceof StillroomError)
    return `\`${outcome.code}\`, ${outcome.exitCode}${resumed ? '; next run' : ''}`
  if (outcome > 0) return 'next'
  if (requests.some(({ headers }) => headers.range !== undefined)) return 'resumed'
  return requests.length > needed ? 'again' : 'got'
}

/** Faults by the reason that the message gives; ports and digests of the run are left out. */
function grouped(cells: readonly Cell[]): string[] {
  const failed = cells.flatMap(({ fault, outcome }) =>
    outcome instanceof StillroomError ? [{ fault, reason: reasonsOf(outcome) }] : [],
  )
  const faults = Map.groupBy(failed, ({ reason }) => reason)
  if (faults.size === 0) return ['Nothing fails.']
  if (faults.has(''))
    return ["The reason is told in git's own words, which are other ones in each of its versions."]
  const items = [...faults].map(
    ([reason, same]) => `- ${same.map(({ fault }) => fault).join('; ')}: "${reason}"`,
  )
  return [items.join('\n')]
}

/** The lines of the message that stand for a place each, without the place's address; the whole of a single line. */
function reasonsOf({ message }: StillroomError): string {
  if (!message.includes('\n')) return neutral(message)
  const lines = message.split('\n').flatMap((line) => /^ {4}(\S.*)$/.exec(line)?.[1] ?? [])
  return lines.map((line) => neutral(line).replace(/^[^:]* https:\/\/\S+: /, '')).join('; ')
}

function example(cells: readonly Cell[]): string {
  const outcomes = cells.map(({ outcome }) => outcome).filter((outcome) => outcome instanceof StillroomError)
  const error = outcomes.find(({ code }) => code === 'ARTIFACT_MISMATCH')
  return error === undefined ? '' : neutral(`${error.message}\n  hint: ${error.hint}`)
}

function neutral(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1(:\d+)?/g, 'mirror.example')
    .replaceAll(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, '$1...')
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_title, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
