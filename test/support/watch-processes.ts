/** Reads the command line of every process of this machine, again and again until SIGTERM; then prints each once. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** A process has its last command line soon after it began; until then it is read each time, later now and then. */
const YOUNG = 10
const NOW_AND_THEN = 100

const seen = new Set<string>()
let reads = new Map<string, number>()
let watching = true
process.once('SIGTERM', () => {
  watching = false
})
while (watching) {
  const present = new Map<string, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const count = reads.get(name) ?? 0
    present.set(name, count + 1)
    if (count > YOUNG && count % NOW_AND_THEN !== 0) continue
    try {
      seen.add(readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' '))
    } catch {
      // it has ended
    }
  }
  reads = present
  await delay(5)
}
process.stdout.write(`${[...seen].join('\n')}\n`)
