/** Reads the command line of every process of this machine, again and again until SIGTERM; then prints each once. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const seen = new Set<string>()
let watching = true
process.once('SIGTERM', () => {
  watching = false
})
while (watching) {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      seen.add(readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' '))
    } catch {
      // it has ended
    }
  }
  await delay(2)
}
process.stdout.write(`${[...seen].join('\n')}\n`)
