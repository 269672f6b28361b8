import { readFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'

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
  /** Before each run of a side, while no clock runs. */
  before?: () => Promise<unknown>
  /** Tidies up. */
  close?: () => Promise<unknown>
  run: { ours: () => Promise<unknown>; theirs: () => Promise<unknown> }
}

/** What a run may tell of itself. */
export interface WithPeak {
  peakMiB: number
}

interface Cost {
  seconds: number
  /** Of all processors and programs, the engine's among them: nothing else should run. */
  cpuSeconds: number
  peakMiB: number
}

/** Facts of the machine that figures are of. */
export interface Machine {
  processor: string | undefined
  cores: number
  memoryGiB: number
  node: string
}

/** What a contest came to. */
export interface ContestResult {
  part: string
  ours: string
  theirs: string
  machine: Machine
  seconds: Ratio
  /** Medians; null where the system does not tell them (only Linux does). */
  cpuSeconds: { ours: number; theirs: number } | null
  peakMiB?: Ratio
  /** Whether a target was missed. */
  missed: boolean
}

interface Ratio {
  /** Median of the rounds' ratios, and the least and the largest. */
  ratio: number
  least: number
  largest: number
  atMost: number
  /** Of each round. */
  ours: number[]
  theirs: number[]
}

/** Runs both sides in turn, the other one first in every second round, and says whether the targets are met. */
export async function hold(contest: Contest): Promise<ContestResult> {
  try {
    return await judged(contest)
  } finally {
    await contest.close?.()
  }
}

async function judged(contest: Contest): Promise<ContestResult> {
  const { part, ours, theirs, atMost, memoryAtMost, rounds, prepare, before, run } = contest
  console.error(`\n${part}: ${rounds} rounds on ${cpus().length} cores\n  A ${ours}\n  B ${theirs}`)
  await prepare?.()
  const pairs: { a: Cost; b: Cost }[] = []
  for (let round = 0; round < rounds; round++) {
    const timed = async (side: () => Promise<unknown>) => {
      await before?.()
      return cost(side)
    }
    const first = round % 2 === 0 ? await timed(run.ours) : undefined
    const b = await timed(run.theirs)
    const a = first ?? (await timed(run.ours))
    pairs.push({ a, b })
    if (rounds <= 5)
      console.error(`  round ${round + 1}: A ${a.seconds.toFixed(1)} s, B ${b.seconds.toFixed(1)} s`)
  }
  const seconds = judge(pairs, 'seconds', atMost, (value) => `${value.toFixed(3)} s`)
  const peakMiB =
    memoryAtMost === undefined
      ? undefined
      : judge(pairs, 'peakMiB', memoryAtMost, (value) => `${value.toFixed(0)} MiB at the peak`)
  const cpuSeconds = {
    ours: median(pairs.map(({ a }) => a.cpuSeconds)),
    theirs: median(pairs.map(({ b }) => b.cpuSeconds)),
  }
  const hasCpu = !Number.isNaN(cpuSeconds.ours + cpuSeconds.theirs)
  if (hasCpu)
    console.error(
      `  CPU seconds of the machine: A ${cpuSeconds.ours.toFixed(2)}, B ${cpuSeconds.theirs.toFixed(2)}`,
    )
  const missed = [seconds, peakMiB].some((each) => each !== undefined && each.ratio > each.atMost)
  return {
    ...{ part, ours, theirs, machine: machine(), seconds },
    cpuSeconds: hasCpu ? cpuSeconds : null,
    ...(peakMiB && { peakMiB }),
    missed,
  }
}

export function machine(): Machine {
  const [cpu] = cpus()
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  return { processor: cpu?.model, cores: cpus().length, memoryGiB, node: process.version }
}

function judge(
  pairs: readonly { a: Cost; b: Cost }[],
  what: keyof Cost,
  atMost: number,
  show: (value: number) => string,
): Ratio {
  const [ours, theirs] = [pairs.map(({ a }) => a[what]), pairs.map(({ b }) => b[what])]
  const ratios = pairs.map(({ a, b }) => a[what] / b[what])
  const [ratio, least, largest] = [median(ratios), Math.min(...ratios), Math.max(...ratios)]
  const target = `target at most ${Number(atMost.toFixed(2))}: ${ratio <= atMost ? 'met' : 'MISSED'}`
  console.error(
    `  A/B ${ratio.toFixed(2)} (median of the pairs, ${least.toFixed(2)} to ${largest.toFixed(2)}; ${target}); ` +
      `medians A ${show(median(ours))}, B ${show(median(theirs))}`,
  )
  return { ratio, least, largest, atMost, ours, theirs }
}

async function cost(run: () => Promise<unknown>): Promise<Cost> {
  const [started, busy] = [performance.now(), await busySeconds()]
  const told = await run()
  const seconds = (performance.now() - started) / 1000
  const cpuSeconds = (await busySeconds()) - busy
  const { peakMiB } = (told ?? {}) as Partial<WithPeak>
  return { seconds, cpuSeconds, peakMiB: peakMiB ?? Number.NaN }
}

/** For how long processors have worked since the machine was started, of all programs: proc_stat(5), in hundredths. */
async function busySeconds(): Promise<number> {
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '')
  const [user, nice, system, , , irq, softirq] = stat.split('\n', 1).join().split(/ +/).slice(1).map(Number)
  return [user, nice, system, irq, softirq].reduce((sum: number, each) => sum + (each ?? Number.NaN), 0) / 100
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
