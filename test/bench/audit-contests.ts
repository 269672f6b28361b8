import { existsSync } from 'node:fs'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'
import { goProgram } from '../support/go-program.ts'
import { SYFT, SYFT_ENV } from '../support/syft.ts'
import type { Contest } from './contest.ts'
import { runWithPeak } from './peak.ts'

const ROOT = join(import.meta.dirname, '../..')
const RECIPE = 'fenics-tf'

/** Reading and auditing one image, as a `docker save` archive on disk. */
export function auditContests(scratch: string): Contest[] {
  const archive = join(scratch, 'saved.tar')
  /** The image of the lockfile, whose artifacts are in the store, in the page cache. */
  const save = async () => {
    if (existsSync(archive)) return
    await execa(process.execPath, ['bin/run.js', 'build', 'recipe', RECIPE], { cwd: ROOT })
    await execa('docker', ['save', '--output', archive, `stillroom/${RECIPE}`])
    // written to the disk, so that this does not go on while it is read
    await execa('sync', [archive])
  }
  /** A cache with the machine's store and what is known of its artifacts, but with no layers. */
  const cache = join(scratch, 'cache')
  const warm = async () => {
    await save()
    await mkdir(cache, { recursive: true })
    for (const known of ['store', 'contents'])
      if (!existsSync(join(cache, known)))
        await symlink(join(defaultCacheDirectory(process.env), known), join(cache, known))
    await withLock()
    await openssl()
  }
  const openssl = () => execa('openssl', ['dgst', '-sha256', archive])
  const options = { cwd: ROOT, env: { STILLROOM_CACHE: cache } }
  const command = ['bin/run.js', 'audit', 'image', archive]
  const lock = ['--lock', `recipes/${RECIPE}/lock.json`]
  const audit = (...args: string[]) => runWithPeak([process.execPath, ...command, ...args], options)
  const withLock = () => audit(...lock)
  /** Where time alone counts: without the program that tells the peak. */
  const alone = () => execa(process.execPath, [...command, ...lock], options)
  /** Runs it on layers that were not read before. */
  const first = async <T>(run: () => Promise<T>) => {
    await rm(join(cache, 'layers'), { recursive: true, force: true })
    return run()
  }
  const syft = async () =>
    runWithPeak([await goProgram(SYFT), `docker-archive:${archive}`, '-o', 'json'], { env: SYFT_ENV })
  const saved = `of the image of ${RECIPE}, a docker save archive`
  return [
    {
      part: 'image',
      ours: `reading ${saved}: every digest, every file, one merged tree`,
      theirs: 'openssl dgst -sha256 of the archive',
      atMost: 2,
      rounds: 5,
      prepare: warm,
      run: {
        ours: () => execa(process.execPath, [join(import.meta.dirname, 'image-read.ts'), archive]),
        theirs: openssl,
      },
    },
    {
      part: 'audit',
      ours: `audit image --lock ${saved}: the whole command, for the first time`,
      theirs: 'openssl dgst -sha256 of the archive',
      atMost: 1.5,
      rounds: 5,
      prepare: warm,
      run: { ours: () => first(alone), theirs: openssl },
    },
    {
      part: 'audit',
      ours: 'the same, of layers that were audited before',
      theirs: 'openssl dgst -sha256 of the archive',
      atMost: 1.2,
      rounds: 5,
      prepare: warm,
      run: { ours: alone, theirs: openssl },
    },
    {
      part: 'audit',
      ours: `audit image --lock ${saved}, for the first time`,
      theirs: `syft ${SYFT.version} -o json of the same`,
      atMost: 1 / 3,
      memoryAtMost: 1 / 3,
      rounds: 3,
      prepare: async () => {
        await goProgram(SYFT)
        await warm()
      },
      run: { ours: () => first(withLock), theirs: syft },
    },
    {
      part: 'audit',
      ours: 'the same, of layers that were audited before',
      theirs: `syft ${SYFT.version} -o json of the same`,
      atMost: 1 / 3,
      memoryAtMost: 1 / 3,
      rounds: 3,
      prepare: warm,
      run: { ours: withLock, theirs: syft },
    },
    {
      part: 'audit',
      ours: `audit image ${saved}, without a lock, for the first time: what is installed`,
      theirs: `syft ${SYFT.version} -o json of the same`,
      atMost: 1 / 3,
      memoryAtMost: 1 / 3,
      rounds: 3,
      prepare: warm,
      run: { ours: () => first(audit), theirs: syft },
    },
  ]
}
