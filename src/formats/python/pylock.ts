import { z } from 'zod'
import { normalizeName } from './distribution-name.ts'
import { type ForeignLock, mostCommon, requirementText, type Selection } from './foreign-lock.ts'

const File = z.object({ hashes: z.record(z.string(), z.string()) })
const Package = z.object({
  name: z.string(),
  version: z.string().optional(),
  marker: z.string().optional(),
  index: z.string().optional(),
  vcs: z.object({ url: z.string().optional() }).optional(),
  directory: z.object({ path: z.string() }).optional(),
  archive: File.extend({ url: z.string().optional() }).optional(),
  sdist: File.optional(),
  wheels: z.array(File).optional(),
})
const Pylock = z.object({
  'lock-version': z.string().regex(/^1\.\d+$/, 'expected "1.0"'),
  extras: z.array(z.string()).default([]),
  'dependency-groups': z.array(z.string()).default([]),
  'default-groups': z.array(z.string()).default([]),
  packages: z.array(Package),
})

/**
 * Reads a `pylock.toml` (PEP 751): every package that it lists is asked for in its version, as one of the files whose hashes
 * it states, where its marker holds.
 *
 * @param toml what the file holds, parsed
 */
export function readPylock(toml: unknown, { extras = [], groups }: Selection = {}): ForeignLock {
  const lock: ForeignLock = { requirements: [], constraints: [], indexes: {}, problems: [] }
  const parsed = Pylock.safeParse(toml)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return {
      ...lock,
      problems: [`it is no pylock.toml of version 1: ${issue?.path.join('.')}: ${issue?.message}`],
    }
  }
  const { packages } = parsed.data
  const taken = groups ?? parsed.data['default-groups']
  for (const extra of extras)
    if (!parsed.data.extras.includes(extra)) lock.problems.push(`it has no extra "${extra}"`)
  for (const group of taken)
    if (![...parsed.data['dependency-groups'], ...parsed.data['default-groups']].includes(group))
      lock.problems.push(`it has no group "${group}"`)
  const main = mostCommon(packages.map(({ index }) => index))
  for (const { name, version, marker, index, vcs, directory, archive, sdist, wheels = [] } of packages) {
    const where =
      vcs?.url ?? directory?.path ?? (archive === undefined ? undefined : (archive.url ?? 'an archive'))
    const files = [archive, sdist, ...wheels].flatMap((file) => file?.hashes.sha256?.toLowerCase() ?? [])
    const url = archive?.url
    if (where !== undefined && url === undefined)
      lock.problems.push(
        `"${name}" is not of an index (${where}): place it by a step of the recipe, and install it with local`,
      )
    else if (files.length === 0) lock.problems.push(`"${name}" has no sha256 of any file`)
    else {
      const condition = marker === undefined ? undefined : selectedMarker(marker, extras, taken)
      lock.requirements.push(
        requirementText({
          name,
          version: url === undefined ? version : undefined,
          url,
          marker: condition,
          hashes: files,
        }),
      )
      if (index !== undefined && index !== main && url === undefined)
        lock.indexes[normalizeName(name)] = index
    }
  }
  return lock
}

const ALWAYS = "python_version >= '2'"
const NEVER = "python_version < '2'"

/** A marker whose parts about extras and groups, which pip does not know, are true or false everywhere. */
function selectedMarker(marker: string, extras: readonly string[], groups: readonly string[]): string {
  return marker.replace(
    /(["'])([\w.-]+)\1\s+(not\s+)?in\s+(extras|dependency_groups)\b/g,
    (_, _quote, name: string, not: string | undefined, variable: string) => {
      const list = (variable === 'extras' ? extras : groups).map(normalizeName)
      return list.includes(normalizeName(name)) === (not === undefined) ? ALWAYS : NEVER
    },
  )
}
