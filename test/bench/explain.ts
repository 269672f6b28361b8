import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ImageDiffReport } from '../../src/report/image-diff-table.ts'
import { type GoProgram, goProgram } from '../support/go-program.ts'
import type { Contest, WithPeak } from './contest.ts'
import { runWithPeak } from './peak.ts'

const ROOT = join(import.meta.dirname, '../..')
const EDITED = 'stillroom-bench/edited'
const FILES = 10
const DIFFOCI: GoProgram = {
  module: 'github.com/reproducible-containers/diffoci',
  version: 'v0.1.7',
  sum: 'h1:ZrvCvwJqAXD9uK2TuDrs9JgURRprbmkjvjQ6FO8gAKE=',
  path: 'cmd/diffoci',
}

/**
 * Explaining by what two images differ, one of them ten files away from the other. Both sides get the same two archives
 * of `docker save`; diffoci must load them before it compares, into a store that is empty each time.
 */
export function explainContest(recipe: string, scratch: string): Contest {
  const image = `stillroom/${recipe}`
  const archives = { a: join(scratch, 'a.tar'), b: join(scratch, 'b.tar') }
  let changed: string[] = []
  return {
    part: 'explain',
    ours: `diff images A.tar B.tar --json: archives of docker save of ${recipe} that differ in ${FILES} files`,
    theirs: `diffoci ${DIFFOCI.version} load A.tar, load B.tar, diff --semantic`,
    atMost: 1 / 5,
    memoryAtMost: 1 / 2,
    rounds: 3,
    prepare: async () => {
      await goProgram(DIFFOCI)
      await execa(process.execPath, ['bin/run.js', 'build', 'recipe', recipe], { cwd: ROOT })
      changed = await editFiles(image)
      await execa('docker', ['save', '--output', archives.a, image])
      await execa('docker', ['save', '--output', archives.b, EDITED])
      await execa('docker', ['image', 'rm', '--force', EDITED])
      // both sides find the archives in memory
      for (const path of Object.values(archives)) await execa('openssl', ['dgst', '-sha256', path])
    },
    run: {
      ours: () => ours(archives, changed),
      theirs: () => theirs(archives, image, changed),
    },
  }
}

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

async function ours({ a, b }: { a: string; b: string }, changed: readonly string[]): Promise<WithPeak> {
  const command = [process.execPath, 'bin/run.js', 'diff', 'images', a, b, '--json']
  const measured = await runWithPeak(command, { cwd: ROOT, exitCodes: [1] })
  const { difference } = JSON.parse(measured.stdout) as ImageDiffReport
  const found = difference.files.filter(({ fields }) => fields.includes('content')).map(({ path }) => path)
  requireAll('diff images', found, changed)
  return measured
}

async function theirs(
  { a, b }: { a: string; b: string },
  image: string,
  changed: readonly string[],
): Promise<WithPeak> {
  const program = await goProgram(DIFFOCI)
  const cache = `${a}.diffoci`
  const env = { DIFFOCI_LOCAL_CACHE: cache, DIFFOCI_BACKEND: 'local' }
  try {
    const loads = [
      await runWithPeak([program, 'load', '--input', a], { env }),
      await runWithPeak([program, 'load', '--input', b], { env }),
    ]
    const references = [`${image}:latest`, `${EDITED}:latest`]
    const command = [program, 'diff', '--pull=never', '--semantic', ...references]
    const told = await runWithPeak(command, { env, exitCodes: [1] })
    const words = told.stdout.split(/[\s"]+/).map((word) => (word.startsWith('/') ? word : `/${word}`))
    requireAll('diffoci', words, changed)
    return { peakMiB: Math.max(...[...loads, told].map(({ peakMiB }) => peakMiB)) }
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
}

function requireAll(who: string, found: readonly string[], changed: readonly string[]): void {
  const missing = changed.filter((path) => !found.includes(path))
  if (missing.length > 0) throw new Error(`${who} does not name ${missing.join(', ')}`)
}
