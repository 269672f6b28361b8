import { type Machine, machine } from './contest.ts'

/** Something that is measured by itself, and not against another's time. */
export interface Measurement {
  part: string
  /** Brings in place what is measured, and says what came out of it; tidies up after itself. */
  run: () => Promise<Figure[]>
}

/** One figure with its target. */
export interface Figure {
  what: string
  value: number
  atMost: number
  /** What it is made of, in the unit that it says. */
  parts: Record<string, number>
}

/** What a measurement came to. */
export interface MeasurementResult {
  part: string
  machine: Machine
  figures: Figure[]
  /** Whether a target was missed. */
  missed: boolean
}

/** Takes a measurement, and says whether the targets are met. */
export async function measure({ part, run }: Measurement): Promise<MeasurementResult> {
  console.error(`\n${part}:`)
  const figures = await run()
  for (const { what, value, atMost, parts } of figures) {
    const target = `target at most ${atMost}: ${value <= atMost ? 'met' : 'MISSED'}`
    console.error(`  ${what}: ${value.toFixed(2)} (${target})`)
    for (const [name, amount] of Object.entries(parts)) console.error(`    ${name}: ${amount}`)
  }
  return { part, machine: machine(), figures, missed: figures.some(({ value, atMost }) => value > atMost) }
}
