import type { HistoryRun } from '../../src/verify/history.ts'

/** A night of November 2026 as a history keeps it, with nothing in it but what a test says: one line of `runs.jsonl`. */
export function nightOf(
  day: number,
  recipe: string,
  verdict: HistoryRun['verdict'],
  more: Partial<HistoryRun> = {},
): string {
  const run: HistoryRun = {
    historyVersion: 1,
    at: `2026-11-${day}T02:00:00Z`,
    recipe,
    platform: 'linux/amd64',
    verdict,
    lock: null,
    revision: null,
    image: `sha256:${'a'.repeat(64)}`,
    reference: `sha256:${(verdict === 'identical' ? 'a' : 'b').repeat(64)}`,
    variations: [],
    causes: [],
    problem: null,
    seconds: 1,
    parts: [],
    ...more,
  }
  return `${JSON.stringify(run)}\n`
}
