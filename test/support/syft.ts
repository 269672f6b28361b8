import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/** What comparisons are made with; docs/audit.md names it. */
export const SYFT_VERSION = 'v1.57.1'

/** Why this machine can have no syft; `true` when it can. */
export async function canHaveSyft(): Promise<string | true> {
  if (existsSync(program())) return true
  const go = await execa('sh', ['-c', 'command -v go'], { reject: false })
  return go.exitCode === 0 || 'there is no go'
}

/** Path of syft, built from its sources by the machine's Go and kept in the cache directory. */
export async function getSyft(): Promise<string> {
  const path = program()
  if (existsSync(path)) return path
  const directory = join(path, '..')
  await mkdir(directory, { recursive: true })
  const work = await mkdtemp(`${path}.`)
  console.warn(`building syft ${SYFT_VERSION}, which takes minutes`)
  try {
    const source = `github.com/anchore/syft/cmd/syft@${SYFT_VERSION}`
    await execa('go', ['install', '-ldflags=-s -w', source], {
      cwd: work,
      env: { GOBIN: work, CGO_ENABLED: '0' },
      stdin: 'ignore',
    })
    await rename(join(work, 'syft'), path)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return path
}

/** No question to the network, and no more noise than it takes. */
export const SYFT_ENV = { SYFT_CHECK_FOR_APP_UPDATE: 'false', SYFT_LOG_QUIET: 'true' }

const program = () => join(defaultCacheDirectory(process.env), 'test-programs', `syft-${SYFT_VERSION}`)
