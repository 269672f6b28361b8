import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ImageDiffReport } from '../../src/report/image-diff-table.ts'
import { buildDiffoci, DIFFOCI } from './diffoci.ts'
import { type Measured, measure } from './measure.ts'

const ROOT = join(import.meta.dirname, '../..')
const EDITED = 'stillroom-bench/edited'
const FILES = 10
const TARGET = { seconds: 1 / 5, peakMiB: 1 / 2 }

/**
 * Explaining by what two images differ, one of them ten files away from the other, against diffoci. Both sides get the
 * same two archives of `docker save`; diffoci must load them before it compares, into a store that is empty each time.
 */
export async function benchExplain(image: string, scratch: string, rounds: number): Promise<void> {
  const program = await buildDiffoci()
  const changed = await editFiles(image)
  const archives = { a: join(scratch, 'a.tar'), b: join(scratch, 'b.tar') }
  await execa('docker', ['save', '--output', archives.a, image])
  await execa('docker', ['save', '--output', archives.b, EDITED])
  // both sides find the archives in memory
  for (const path of Object.values(archives)) await execa('openssl', ['dgst', '-sha256', path])
  console.log(`\nexplain: ${rounds} rounds, archives of docker save that differ in ${FILES} files
  A diff images A.tar B.tar --json
  B diffoci ${DIFFOCI} load A.tar, load B.tar, diff --semantic`)
  const pairs: { a: Measured; b: Measured }[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const a = await ours(archives, changed)
      const b = await theirs(program, archives, image, changed)
      pairs.push({ a, b })
      console.log(`  round ${round + 1}: A ${inWords(a)}, B ${inWords(b)}`)
    }
  } finally {
    await execa('docker', ['image', 'rm', '--force', EDITED])
  }
  for (const [what, key] of [
    ['wall time', 'seconds'],
    ['peak memory', 'peakMiB'],
  ] as const) {
    const ratios = pairs.map(({ a, b }) => a[key] / b[key]).sort((x, y) => x - y)
    const ratio = ratios[ratios.length >> 1] as number
    const verdict = ratio <= TARGET[key] ? 'met' : 'MISSED'
    console.log(
      `  ${what}: A/B ${ratio.toFixed(3)} (median of the pairs; target at most ${TARGET[key]}: ${verdict})`,
    )
  }
}

const inWords = ({ seconds, peakMiB }: Measured) => `${seconds.toFixed(1)} s ${peakMiB.toFixed(0)} MiB`

/** Appends a line to ten files in a container of the image, and makes an image of that; their paths. */
async function editFiles(image: string): Promise<string[]> {
  const name = `stillroom-bench-${process.pid}`
  const script = `set -- $(find /usr -xdev -type f -name '*.py' | LC_ALL=C sort | awk 'NR % 100 == 1' | head -n ${FILES})
for file; do echo '# edited' >> "$file"; echo "$file"; done`
  const { stdout } = await execa('docker', [
    ...['run', '--name', name, '--user', '0:0', '--network', 'none', '--entrypoint', 'sh', image],
    ...['-c', script],
  ])
  await execa('docker', ['commit', name, EDITED])
  await execa('docker', ['rm', name])
  const changed = stdout.split('\n')
  if (changed.length !== FILES) throw new Error(`expected ${FILES} files to change, got:\n${stdout}`)
  return changed
}

async function ours({ a, b }: { a: string; b: string }, changed: readonly string[]): Promise<Measured> {
  const args = ['bin/run.js', 'diff', 'images', a, b, '--json']
  const measured = await measure(process.execPath, args, { cwd: ROOT })
  const { difference } = JSON.parse(measured.stdout) as ImageDiffReport
  const found = difference.files.filter(({ fields }) => fields.includes('content')).map(({ path }) => path)
  requireAll('diff images', found, changed)
  return measured
}

async function theirs(
  program: string,
  { a, b }: { a: string; b: string },
  image: string,
  changed: readonly string[],
): Promise<Measured> {
  const cache = `${a}.diffoci`
  const env = { DIFFOCI_LOCAL_CACHE: cache, DIFFOCI_BACKEND: 'local' }
  const run = (...args: string[]) => measure(program, args, { env })
  try {
    const parts = [
      await run('load', '--input', a),
      await run('load', '--input', b),
      await run('diff', '--pull=never', '--semantic', `${image}:latest`, `${EDITED}:latest`),
    ]
    const told = parts[2]?.stdout.split(/[\s"]+/) ?? []
    requireAll(
      'diffoci',
      told.map((word) => (word.startsWith('/') ? word : `/${word}`)),
      changed,
    )
    return {
      seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
      peakMiB: Math.max(...parts.map(({ peakMiB }) => peakMiB)),
      stdout: '',
    }
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
}

function requireAll(who: string, found: readonly string[], changed: readonly string[]): void {
  const missing = changed.filter((path) => !found.includes(path))
  if (missing.length > 0) throw new Error(`${who} does not name ${missing.join(', ')}`)
}
