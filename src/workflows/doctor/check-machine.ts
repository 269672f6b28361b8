import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import semver from 'semver'
import { StillroomError } from '../../error.ts'
import { type Diagnostic, missing, ok, warning } from '../../report/doctor-table.ts'
import { defaultCacheDirectory } from '../../store/cache-directory.ts'
import { requireDirectory } from '../../store/disk.ts'
import type { Environment } from '../ports.ts'

export const OLDEST_NODE = '22.18.0'
const GIGABYTE = 1e9
/** What a large recipe takes: what was downloaded for it. */
const CACHE_SPACE = 3 * GIGABYTE

export async function checkNode(): Promise<Diagnostic> {
  const found = process.versions.node
  if (semver.gte(found, OLDEST_NODE)) return ok('Node', found)
  return missing('Node', found, `run it with Node ${OLDEST_NODE} or newer; bin/stillroom brings its own`)
}

export async function checkProgram(
  program: string,
  args: string[],
  oldest: string,
  mend: string,
): Promise<Diagnostic> {
  const what = [program, ...args.filter((arg) => /^[a-z]/.test(arg) && arg !== 'version')].join(' ')
  const { stdout, failed } = await execa(program, args, { reject: false, stdin: 'ignore', timeout: 20_000 })
  const version = failed ? undefined : findVersion(stdout)
  if (version === undefined) return missing(what, 'none', mend)
  if (semver.gte(version, oldest)) return ok(what, version)
  return missing(what, `${version}, expected ${oldest} or newer`, mend)
}

/**
 * The first version number of a text, with zeros for what is left out; that of Go, which buildx names too, comes last.
 *
 * @example
 * ```ts
 * findVersion('github.com/docker/buildx 0.13.1+ds1-3 0.13.1') // '0.13.1'
 * ```
 */
export function findVersion(text: string): string | undefined {
  return semver.coerce(/\bv?\d+\.\d+(\.\d+)?/.exec(text)?.[0])?.version
}

export async function checkCache({ env }: Environment): Promise<Diagnostic[]> {
  const directory = defaultCacheDirectory({ ...env })
  for (const path of [directory, join(directory, 'store')]) {
    try {
      await requireDirectory(path)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      return [missing('cache', error.message, error.hint ?? '')]
    }
  }
  const present = await nearestDirectory(directory)
  const writable = await access(present, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  const mend = 'make it writable, or set STILLROOM_CACHE to a directory that is'
  if (!writable) return [missing('cache', `${present} is not writable`, mend)]
  const free = 'free some, or set STILLROOM_CACHE to a directory on another disk'
  return [ok('cache', directory), await checkSpace('cache disk', present, CACHE_SPACE, free)]
}

/** A full disk fails later, and says so; how much is enough depends on the recipe. */
export async function checkSpace(
  what: string,
  directory: string,
  enough: number,
  mend: string,
): Promise<Diagnostic> {
  const system = await statfs(directory).catch(() => undefined)
  if (!system) return ok(what, `unknown: ${directory} can't be seen from here`)
  const free = system.bavail * system.bsize
  const found = `${(free / GIGABYTE).toFixed(1)} GB free at ${directory}`
  if (free >= enough) return ok(what, found)
  return warning(what, `${found}, a large recipe takes ${enough / GIGABYTE}`, mend)
}

async function nearestDirectory(path: string): Promise<string> {
  const present = await stat(path).catch(() => undefined)
  return present?.isDirectory() || dirname(path) === path ? path : nearestDirectory(dirname(path))
}
