import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { NIGHTLY } from './nightly.ts'
import { TEST_PROGRAMS } from './test-programs.ts'

/** A program of a Go module, as the tests and the bench hold stillroom against it. */
export interface GoProgram {
  module: string
  version: string
  /** Of the module, as in a go.sum: `h1:...`. What it needs is compared with the go.sum that it brings. */
  sum: string
  /** The package within the module, such as `cmd/syft`; the program has the name of its last part. */
  path: string
  /** The variable of its sources that its release is linked with the version in. */
  versionVariable?: string
}

/** Why a test can have no such program; `true` when it can. Building one takes minutes, so that is left to the night. */
export async function canHaveGoProgram(program: GoProgram): Promise<string | true> {
  if (existsSync(placeOf(program))) return true
  if (!NIGHTLY) return `${basename(program.path)} is built by the nightly tests`
  const go = await execa('go', ['version'], { reject: false })
  return go.exitCode === 0 || `there is no go to build ${basename(program.path)} with`
}

/** Path of the program: built from its sources by the machine's Go, once, and kept in the cache directory. */
export async function goProgram(program: GoProgram): Promise<string> {
  const place = placeOf(program)
  if (existsSync(place)) return place
  const { module, version, sum, path, versionVariable } = program
  console.warn(`building ${basename(path)} ${version}, which may take minutes`)
  await mkdir(TEST_PROGRAMS, { recursive: true })
  const work = await mkdtemp(`${place}.`)
  try {
    const env = { GOSUMDB: 'off', GOFLAGS: '-mod=readonly -buildvcs=false', CGO_ENABLED: '0' }
    const download = await execa('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: work,
      env,
    })
    const { Dir, Sum } = JSON.parse(download.stdout) as { Dir: string; Sum: string }
    if (Sum !== sum) throw new Error(`${module} ${version}: expected ${sum}, got ${Sum}`)
    const sources = join(work, 'sources')
    await cp(Dir, sources, { recursive: true })
    // the module cache's directories may not be written to
    await chmod(sources, 0o755)
    const flags = `-s -w${versionVariable === undefined ? '' : ` -X ${versionVariable}=${version}`}`
    await execa('go', ['build', `-ldflags=${flags}`, '-o', join(work, 'program'), `./${path}`], {
      cwd: sources,
      env,
      stdin: 'ignore',
    })
    await rename(join(work, 'program'), place)
  } finally {
    await execa('chmod', ['-R', 'u+w', work])
    await rm(work, { recursive: true, force: true })
  }
  return place
}

const placeOf = ({ path, version }: GoProgram) => join(TEST_PROGRAMS, `${basename(path)}-${version}`)
