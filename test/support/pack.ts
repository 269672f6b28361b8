import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The package as a user installs it: packed, unpacked, its dependencies beside it. */
    stillroom: string
  }
}

/** Packs stillroom once for all end-to-end tests, so that they run what is published and not the sources. */
export default function setup(project: TestProject): () => void {
  const root = join(import.meta.dirname, '../..')
  const directory = mkdtempSync(join(tmpdir(), 'stillroom-packed-'))
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], {
    cwd: root,
  })
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) as string
  const modules = join(directory, 'node_modules')
  mkdirSync(join(modules, 'stillroom'), { recursive: true })
  execFileSync('tar', [
    '-xzf',
    join(directory, tarball),
    '-C',
    join(modules, 'stillroom'),
    '--strip-components=1',
  ])
  symlinkSync(join(root, 'node_modules'), join(modules, 'stillroom/node_modules'))
  project.provide('stillroom', join(modules, 'stillroom'))
  return () => rmSync(directory, { recursive: true, force: true })
}
