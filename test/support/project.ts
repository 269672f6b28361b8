import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { inject, onTestFinished } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** A project in a directory of its own, with stillroom installed; it is gone when the test ends. */
export async function makeProject(files: Record<string, string> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-project-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await fillProject(directory, files)
  return directory
}

/** Makes an empty directory a project with stillroom installed. */
export async function fillProject(directory: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(directory, 'node_modules'))
  await symlink(inject('stillroom'), join(directory, 'node_modules/stillroom'))
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n')
  for (const [path, text] of Object.entries(files)) await put(directory, path, text)
}

/** A project that holds recipes of this repository as they are, with lock and build context. */
export async function copyProject(...names: string[]): Promise<string> {
  const directory = await makeProject()
  for (const name of names) {
    for (const part of [`recipes/${name}`, `generated/${name}`]) {
      const source = join(ROOT, part)
      await cp(source, join(directory, part), {
        recursive: true,
        filter: (path) => path !== join(source, 'artifacts'),
      })
    }
  }
  return directory
}

export async function put(directory: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true })
  await writeFile(join(directory, path), text)
}

/** Makes a directory a git repository with all its files committed. */
export async function commitAll(directory: string): Promise<void> {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  await execa('git', ['init', '--quiet'], { cwd: directory })
  await execa('git', ['add', '--all', '--', ':!node_modules'], { cwd: directory })
  await execa('git', [...identity, 'commit', '--quiet', '--no-gpg-sign', '--message', 'test'], {
    cwd: directory,
  })
}
