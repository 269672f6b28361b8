import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { TEST_PROGRAMS } from '../support/test-programs.ts'

/**
 * The path of a program of a Debian package: unpacked in the cache directory, not installed, and kept there for the
 * next run. Only for packages that need no more than what every Debian has.
 *
 * @param path within the package, such as `usr/bin/docker-registry`
 */
export async function debianProgram(packageName: string, path: string): Promise<string> {
  const program = join(TEST_PROGRAMS, packageName, path)
  if (existsSync(program)) return program
  await mkdir(TEST_PROGRAMS, { recursive: true })
  const work = await mkdtemp(join(TEST_PROGRAMS, `${packageName}.`))
  try {
    await download(packageName, work)
    const deb = (await readdir(work)).find((name) => name.endsWith('.deb')) as string
    await execa('dpkg-deb', ['--extract', join(work, deb), join(work, 'root')])
    await rename(join(work, 'root'), join(TEST_PROGRAMS, packageName)).catch((error) => {
      // another run was faster
      if (!existsSync(program)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return program
}

async function download(packageName: string, directory: string): Promise<void> {
  const get = () =>
    execa('apt-get', ['download', '-o', 'APT::Sandbox::User=root', packageName], {
      cwd: directory,
      stdin: 'ignore',
    })
  await get().catch(async () => {
    // a fresh machine has no lists
    await execa('apt-get', ['update'], { stdin: 'ignore' })
    await get()
  })
}
