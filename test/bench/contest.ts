import { cpus } from 'node:os'

/** Two things that are timed in turn, and how many times as much the first may take as the second. */
export interface Contest {
  part: string
  ours: string
  theirs: string
  /** Ratio of the times. */
  atMost: number
  /** Ratio of the peaks of memory; both sides say theirs. */
  memoryAtMost?: number
  rounds: number
  /** Brings both sides to where the clock starts. */
  prepare?: () => Promise<unknown>
  run: { ours: () => Promise<unknown>; theirs: () => Promise<unknown> }
}

/** What a run may tell of itself. */
export interface WithPeak {
  peakMiB: number
}

interface Cost {
  seconds: number
  peakMiB: number
}

/** Runs both sides in turn and says whether the targets are met. */
export async function hold(contest: Contest): Promise<void> {
  const { part, ours, theirs, atMost, memoryAtMost, rounds, prepare, run } = contest
  console.log(`\n${part}: ${rounds} rounds on ${cpus().length} cores\n  A ${ours}\n  B ${theirs}`)
  await prepare?.()
  const pairs: { a: Cost; b: Cost }[] = []
  for (let round = 0; round < rounds; round++) {
    const a = await cost(run.ours)
    const b = await cost(run.theirs)
    pairs.push({ a, b })
    if (rounds <= 3)
      console.log(`  round ${round + 1}: A ${a.seconds.toFixed(1)} s, B ${b.seconds.toFixed(1)} s`)
  }
  judge(pairs, 'seconds', atMost, (value) => `${value.toFixed(3)} s`)
  if (memoryAtMost !== undefined)
    judge(pairs, 'peakMiB', memoryAtMost, (value) => `${value.toFixed(0)} MiB at the peak`)
}

function judge(
  pairs: readonly { a: Cost; b: Cost }[],
  what: keyof Cost,
  atMost: number,
  show: (value: number) => string,
): void {
  const ratio = median(pairs.map(({ a, b }) => a[what] / b[what]))
  const medians = `A ${show(median(pairs.map(({ a }) => a[what])))}, B ${show(median(pairs.map(({ b }) => b[what])))}`
  const target = `target at most ${Number(atMost.toFixed(2))}: ${ratio <= atMost ? 'met' : 'MISSED'}`
  console.log(`  A/B ${ratio.toFixed(2)} (median of the pairs; ${target}); medians ${medians}`)
}

async function cost(run: () => Promise<unknown>): Promise<Cost> {
  const started = performance.now()
  const told = await run()
  const seconds = (performance.now() - started) / 1000
  const { peakMiB } = (told ?? {}) as Partial<WithPeak>
  return { seconds, peakMiB: peakMiB ?? Number.NaN }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
