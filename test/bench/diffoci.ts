import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

const MODULE = 'github.com/reproducible-containers/diffoci'
export const DIFFOCI = 'v0.1.7'
const SUM = 'h1:ZrvCvwJqAXD9uK2TuDrs9JgURRprbmkjvjQ6FO8gAKE='

/**
 * Builds diffoci from the Go module proxy, once, into the cache directory. It is held against the sum above, and what
 * it needs against the go.sum that it brings.
 *
 * @returns path of the program
 */
export async function buildDiffoci(): Promise<string> {
  const programs = join(defaultCacheDirectory(process.env), 'test-programs')
  const program = join(programs, `diffoci-${DIFFOCI}`)
  if (existsSync(program)) return program
  await mkdir(programs, { recursive: true })
  const work = await mkdtemp(join(programs, 'diffoci.'))
  try {
    const env = { GOSUMDB: 'off', GOFLAGS: '-mod=readonly -buildvcs=false', CGO_ENABLED: '0' }
    const { stdout } = await execa('go', ['mod', 'download', '-json', `${MODULE}@${DIFFOCI}`], {
      cwd: work,
      env,
    })
    const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }
    if (Sum !== SUM) throw new Error(`${MODULE} ${DIFFOCI}: expected ${SUM}, got ${Sum}`)
    const sources = join(work, 'sources')
    await cp(Dir, sources, { recursive: true })
    await chmod(sources, 0o755)
    await execa('go', ['build', '-o', join(work, 'diffoci'), './cmd/diffoci'], { cwd: sources, env })
    await rename(join(work, 'diffoci'), program)
  } finally {
    // the module cache's directories may not be written to
    await execa('chmod', ['-R', 'u+w', work])
    await rm(work, { recursive: true, force: true })
  }
  return program
}
