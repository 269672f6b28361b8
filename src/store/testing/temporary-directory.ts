import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-store-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A new directory on a file system of its own, gone after the test; undefined where none may be mounted. */
export async function mountedDirectory(options: string): Promise<string | undefined> {
  const directory = await temporaryDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', directory], { stdio: 'ignore' }))
  return directory
}
