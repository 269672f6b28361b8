import { createHash } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { join, posix, sep } from 'node:path'
import { StillroomError } from '../../error.ts'
import type { ForeignLock, Selection } from '../../formats/python/foreign-lock.ts'
import { readPylock } from '../../formats/python/pylock.ts'
import { withoutHashes } from '../../formats/python/requirement.ts'
import { parseRequirementsFile } from '../../formats/python/requirements-file.ts'
import { readUvLock } from '../../formats/python/uv-lock.ts'
import { PipStep, relativePath } from '../../recipe/schema.ts'

/** A pip step with what its files ask for among its own requirements, and the files that were read. */
export interface ExpandedStep {
  step: PipStep
  /** sha256 in hex, by path below the recipe's directory. */
  files: Record<string, string>
}

interface Found {
  requirements: string[]
  constraints: string[]
  indexes: Record<string, string>
  files: Record<string, string>
  problems: string[]
  seen: Set<string>
}

/**
 * Reads the requirements files, constraints files and locks of others that a pip step names.
 *
 * @param directory the recipe's
 * @throws {StillroomError} RECIPE_INVALID with all that cannot be taken over, by file and line
 */
export async function readPipFiles(step: PipStep, directory: string): Promise<ExpandedStep> {
  const found: Found = {
    requirements: [],
    constraints: [],
    indexes: {},
    files: {},
    problems: [],
    seen: new Set(),
  }
  for (const file of step.files ?? []) {
    const read = FOREIGN.find(([name]) => name.test(file.path))?.[1]
    if (read !== undefined) await readForeign(file, read, directory, found)
    else {
      if ((file.extras ?? file.groups) !== undefined)
        found.problems.push(`${file.path}: a requirements file has no extras or groups`)
      await readRequirements(file.path, 'requirements', directory, found)
    }
  }
  for (const path of step.constraintFiles ?? []) await readRequirements(path, 'constraints', directory, found)
  const requirements = [...new Set([...step.requirements, ...found.requirements])]
  const constraints = [...new Set([...(step.constraints ?? []), ...found.constraints])]
  const indexes = { ...found.indexes, ...step.indexes }
  // the rules for what a recipe says itself hold, too
  const checked = PipStep.safeParse({
    ...step,
    requirements: requirements.map(withoutHashes),
    ...(constraints.length > 0 ? { constraints: constraints.map(withoutHashes) } : {}),
  })
  const refused = (checked.error?.issues ?? []).map(({ path: [field, i], message }) => {
    const list: readonly string[] = field === 'constraints' ? constraints : requirements
    return `"${list[Number(i)]}": ${message}`
  })
  const problems = [...found.problems, ...refused]
  if (problems.length > 0)
    throw new StillroomError(
      'RECIPE_INVALID',
      `files that the recipe names cannot be taken over:\n${problems.map((text) => `  ${text}`).join('\n')}`,
    )
  return {
    step: {
      ...step,
      requirements,
      ...(constraints.length > 0 ? { constraints } : {}),
      ...(Object.keys(indexes).length > 0 ? { indexes } : {}),
    },
    files: found.files,
  }
}

/** Locks of other tools, by how the file is called: that of PEP 751, and uv's. */
const FOREIGN: [name: RegExp, read: (toml: unknown, selection: Selection) => ForeignLock][] = [
  [/(^|\/)pylock(\.[^./]+)?\.toml$/, readPylock],
  [/(^|\/)uv\.lock$/, readUvLock],
]

async function readForeign(
  { path, ...selection }: NonNullable<PipStep['files']>[number],
  read: (toml: unknown, selection: Selection) => ForeignLock,
  directory: string,
  found: Found,
): Promise<void> {
  const text = await readText(path, directory, found)
  if (text === undefined) return
  const { parse } = await import('smol-toml')
  try {
    const { requirements, constraints, indexes, problems } = read(parse(text), selection)
    found.requirements.push(...requirements)
    found.constraints.push(...constraints)
    Object.assign(found.indexes, indexes)
    found.problems.push(...problems.map((reason) => `${path}: ${reason}`))
  } catch (error) {
    found.problems.push(`${path}: ${error instanceof Error ? error.message : error}`)
  }
}

async function readRequirements(
  path: string,
  kind: 'requirements' | 'constraints',
  directory: string,
  found: Found,
): Promise<void> {
  // a file may be both, and files may name each other
  if (found.seen.has(`${kind} ${path}`)) return
  found.seen.add(`${kind} ${path}`)
  const text = await readText(path, directory, found)
  if (text === undefined) return
  const { requirements, includes, problems } = parseRequirementsFile(text)
  found[kind].push(...requirements)
  found.problems.push(...problems.map(({ line, reason }) => `${path}, line ${line}: ${reason}`))
  for (const include of includes) {
    const next = posix.normalize(posix.join(posix.dirname(path), include.path))
    // what constraints include are constraints
    await readRequirements(next, kind === 'constraints' ? kind : include.kind, directory, found)
  }
}

/** Text of a file below the recipe's directory, which no link leads out of. */
async function readText(path: string, directory: string, found: Found): Promise<string | undefined> {
  const place = relativePath.safeParse(path)
  if (!place.success) {
    found.problems.push(`${path}: ${place.error.issues[0]?.message}, below the recipe's directory`)
    return undefined
  }
  try {
    const root = await realpath(directory)
    const real = await realpath(join(directory, path))
    if (!real.startsWith(root + sep)) throw new Error('it leads out of the directory of the recipe')
    const bytes = await readFile(real)
    found.files[path] = createHash('sha256').update(bytes).digest('hex')
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    found.problems.push(`${path}: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}
