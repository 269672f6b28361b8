import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The package as a user installs it: packed, unpacked, its dependencies beside it. */
    stillroom: string
  }
}

const ROOT = join(import.meta.dirname, '../..')

/** Of this run: each project of tests has a setup of its own, and all take the same package. */
const run = globalThis as { stillroomPacked?: string }

/** Packs stillroom once for all end-to-end tests, so that they run what is published and not the sources. */
export default function setup(project: TestProject): () => void {
  run.stillroomPacked ??= pack()
  const directory = run.stillroomPacked
  project.provide('stillroom', join(directory, 'node_modules/stillroom'))
  return () => rmSync(directory, { recursive: true, force: true })
}

function pack(): string {
  const directory = mkdtempSync(join(tmpdir(), 'stillroom-packed-'))
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], {
    cwd: ROOT,
  })
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) as string
  const own = join(directory, 'node_modules/stillroom')
  mkdirSync(own, { recursive: true })
  execFileSync('tar', ['-xzf', join(directory, tarball), '-C', own, '--strip-components=1'])
  for (const path of productionPackages()) {
    mkdirSync(dirname(join(own, path)), { recursive: true })
    symlinkSync(join(ROOT, path), join(own, path))
  }
  return directory
}

/** What `npm install --omit=dev` puts into `node_modules`; a dependency that is listed among those for development is missing. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  return Object.entries(packages).flatMap(([path, { dev }]) => {
    const isOutermost = path.lastIndexOf('node_modules/') === 0
    return isOutermost && !dev && existsSync(join(ROOT, path)) ? [path] : []
  })
}
