import pMap from 'p-map'
import { StillroomError } from '../../error.ts'
import { archiveEnding, parseFileName, versionInFileName } from '../../formats/python/distribution-name.ts'
import { isSameVersion } from '../../formats/versions/compare-pep440.ts'
import type { PythonFile } from '../../lock/schema.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { Distribution } from './list-distributions.ts'
import { type Pip, WORK } from './pip-program.ts'
import type { DirectOrigin } from './read-origins.ts'

/** Takes a file into the store. */
export type Keep = (content: AsyncIterable<Uint8Array>) => Promise<{ sha256: string; size: number }>

/** Finds a file of a project where it need not be fetched; undefined when it is not certain to be what an index has. */
export type FindKept = (name: string, file: string) => Promise<FetchedFile | undefined>

export interface Wanted {
  /** What pip installed. */
  added: readonly Distribution[]
  /** What pip said while it did. */
  said: string
  /** Those of it that came from an address of their own. */
  origins: ReadonlyMap<string, DirectOrigin>
  /** What pip may take, as options of it. */
  format: readonly string[]
  environment: Record<string, string>
  keep: Keep
  findKept?: FindKept | undefined
}

/**
 * Fetches the files of what pip installed, but those that are kept: by name and version from its indexes, by address what came
 * from one.
 *
 * @throws {StillroomError} PIP_FAILED when a file is not of what was installed
 */
export async function fetchFiles(pip: Pip, wanted: Wanted): Promise<PythonFile[]> {
  const { added, origins, format, environment, keep } = wanted
  const indexed = added.filter(({ name }) => !origins.has(name))
  const files = await keptFiles(indexed, wanted)
  const missing = indexed.filter(({ name }) => !files.some((file) => file.name === name))
  if (missing.length > 0) {
    const directory = `${WORK}/files`
    const exact = missing.map(({ name, version }) => `${name}==${version}`).sort()
    await pip.run(
      ['download', ...format, '--no-deps', `--dest=${directory}`, '--', ...exact],
      'fetching what was resolved',
      environment,
    )
    files.push(...(await matchFiles(await readFiles(pip, directory, keep), missing)))
  }
  for (const { name, version } of added) {
    const origin = origins.get(name)
    if (origin === undefined) continue
    const directory = `${WORK}/direct/${name}`
    await pip.run(
      ['download', ...format, '--no-deps', `--dest=${directory}`, '--', `${name} @ ${origin.url}`],
      `fetching ${name} from ${redactUrl(origin.url)}`,
      environment,
    )
    const [found, ...more] = await readFiles(pip, directory, keep)
    if (found === undefined || more.length > 0)
      throw new StillroomError(
        'PIP_FAILED',
        `pip fetched ${more.length + 1} files of "${name}", expected one`,
      )
    if (origin.sha256 !== undefined && found.sha256 !== origin.sha256)
      throw new StillroomError(
        'PIP_FAILED',
        `${redactUrl(origin.url)} changed while it was locked: expected sha256 ${origin.sha256}, got ${found.sha256}`,
        { hint: 'lock again' },
      )
    // what is behind an address may be called by anything; a wheel's name is all that pip goes by
    const ending = archiveEnding(found.file)
    const file = ending === undefined ? found.file : `${name}-${version}${ending}`
    files.push({ ...matchFile({ ...found, file }, { name, version }), url: origin.url })
  }
  return files
}

/** Of one name and version pip may have looked at several files: then it is asked which it takes. */
async function keptFiles(
  indexed: readonly Distribution[],
  { said, findKept }: Pick<Wanted, 'said' | 'findKept'>,
): Promise<PythonFile[]> {
  if (findKept === undefined) return []
  const names = new Set(
    [...said.matchAll(/^ *(?:Downloading|Using cached) (\S+)/gm)].map(([, at = '']) => at),
  )
  const files = [...names].map((at) => lastName(at.replace(/[?#].*/, '')))
  const found = await pMap(
    indexed,
    async (entry) => {
      const [file, ...others] = files.filter((each) => isOf(each, entry))
      const kept = file === undefined || others.length > 0 ? undefined : await findKept(entry.name, file)
      return kept && matchFile(kept, entry)
    },
    { concurrency: 8 },
  )
  return found.filter((file) => file !== undefined)
}

/** pip shows a file by its name, or by its address. */
function lastName(at: string): string {
  const name = at.replace(/.*\//, '')
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

export interface FetchedFile {
  file: string
  size: number
  sha256: string
}

/** Takes every file of a directory of the sandbox into the store. */
export async function readFiles(pip: Pip, directory: string, keep: Keep): Promise<FetchedFile[]> {
  const files: FetchedFile[] = []
  for await (const { name: file, content } of pip.sandbox.read(directory))
    files.push({ file, ...(await keep(content)) })
  return files
}

/** Wheels by what their names say, for what is not listed as installed. */
export function namedFiles(files: readonly FetchedFile[]): PythonFile[] {
  return files.map(({ file, size, sha256 }) => {
    const parsed = parseFileName(file)
    if (parsed) return { ...parsed, file, size, sha256 }
    const message = `pip fetched ${JSON.stringify(file)}, expected a wheel or a source distribution`
    throw new StillroomError('PIP_FAILED', message)
  })
}

type Named = Pick<Distribution, 'name' | 'version'>

/** Each installed distribution with the one file that is it. */
function matchFiles(files: readonly FetchedFile[], added: readonly Named[]): PythonFile[] {
  const left = new Set(files)
  const matched = added.map((entry) => {
    const [own] = [...left].filter(({ file }) => isOf(file, entry))
    if (own !== undefined) {
      left.delete(own)
      return matchFile(own, entry)
    }
    const others = files.map(({ file }) => file).join(', ')
    throw new StillroomError(
      'PIP_FAILED',
      `pip installed ${entry.name} ${entry.version}, and fetched no file of that version; it fetched ${others}`,
    )
  })
  if (left.size === 0) return matched
  const names = [...left].map(({ file }) => JSON.stringify(file)).join(', ')
  throw new StillroomError('PIP_FAILED', `pip fetched ${names}, which it did not install`)
}

function matchFile({ file, size, sha256 }: FetchedFile, { name, version }: Named): PythonFile {
  if (isOf(file, { name, version })) return { name, version, file, size, sha256 }
  const message = `pip fetched ${JSON.stringify(file)}, expected a file of ${name} ${version}`
  throw new StillroomError('PIP_FAILED', message)
}

function isOf(file: string, { name, version }: Named): boolean {
  return isSameVersion(versionInFileName(file, name), version)
}
