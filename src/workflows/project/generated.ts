import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { leftOutPatterns } from '../../dockerfile/left-out.ts'
import { type ContextFiles, renderContext } from '../../dockerfile/render-context.ts'
import { StillroomError } from '../../error.ts'
import { otherRecipes } from '../../lock/other-recipes.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { writeFileAtomic } from '../../store/disk.ts'

const COMPANIONS = new URL('../../dockerfile/build-scripts/', import.meta.url)

/** stillroom's own programs that a recipe's build runs, and the one that fetches for it, by file name. */
async function readCompanions(recipe: Recipe): Promise<Record<string, string>> {
  const companions: Record<string, string> = {}
  for (const file of (await readdir(COMPANIONS)).sort()) {
    if (isNeeded(file, recipe)) companions[file] = await readFile(new URL(file, COMPANIONS), 'utf8')
  }
  if (companions['leave-out.sh'] !== undefined) companions['left-out.txt'] = leftOutPatterns()
  return companions
}

const STEP_PROGRAMS = new Set(['apt', 'pip', 'git', 'file', 'project', 'copy', 'run'])

/** Some are for one kind of base, step or layout; all others are for every build. */
function isNeeded(file: string, { base, steps, layout }: Recipe): boolean {
  const stem = file.replace(/\.(sh|c)$/, '')
  if (stem === 'bootstrap' || stem === 'clock') return base.kind === 'debian'
  if (stem === 'image-base') return base.kind === 'image'
  if (stem === 'leave-out') return steps.some(({ kind }) => kind === 'apt')
  if (stem === 'flat') return layout === 'flat'
  if (stem === 'sdist' || stem === 'pip-settings') return steps.some(({ kind }) => kind === 'pip')
  return !STEP_PROGRAMS.has(stem) || steps.some(({ kind }) => kind === stem)
}

/** sha256 over the programs that make the image: another stillroom with other programs may give another image. */
export async function programsChecksum(recipe: Recipe): Promise<string> {
  const { 'fetch.sh': _, ...programs } = await readCompanions(recipe)
  return createHash('sha256').update(JSON.stringify(programs)).digest('hex')
}

/** The build context of a recipe as it should be. */
export async function renderGenerated(
  name: string,
  recipe: Recipe,
  locked: LockedPlatform,
): Promise<ContextFiles> {
  const others: Record<string, Record<string, string>> = {}
  for (const other of otherRecipes(locked)) others[other.name] = await readCompanions(other.recipe)
  return renderContext(name, recipe, locked, await readCompanions(recipe), others)
}

/** Paths in `generated/NAME` that differ from what they should be, each with what is the matter. */
export interface GeneratedChange {
  path: string
  change: 'missing' | 'edited' | 'extra'
  /** For an edited file: a unified diff from the file on disk to what it should be. */
  patch?: string
}

/** Compares `generated/NAME` with what it should hold; `artifacts` in it is fetched, not generated. */
export async function compareGenerated(
  directory: string,
  name: string,
  expected: ContextFiles,
): Promise<GeneratedChange[]> {
  const root = join(directory, 'generated', name)
  const changes: GeneratedChange[] = []
  for (const [path, text] of expected) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined)
    if (present === undefined) changes.push({ path, change: 'missing' })
    else if (present !== text) {
      const { createTwoFilesPatch } = await import('diff')
      changes.push({
        path,
        change: 'edited',
        patch: createTwoFilesPatch(`${path} (on disk)`, `${path} (expected)`, present, text, '', '', {
          context: 2,
        }),
      })
    }
  }
  for (const path of await listFiles(root)) if (!expected.has(path)) changes.push({ path, change: 'extra' })
  return changes
}

/** @throws {StillroomError} GENERATED_STALE with each file that differs, and how */
export async function requireGenerated(
  directory: string,
  name: string,
  expected: ContextFiles,
): Promise<void> {
  const changes = await compareGenerated(directory, name, expected)
  if (changes.length === 0) return
  const list = changes.map(
    ({ path, change, patch }) =>
      `  ${change}: generated/${name}/${path}${patch ? `\n${excerpt(patch)}` : ''}`,
  )
  throw new StillroomError(
    'GENERATED_STALE',
    `generated/${name} is not what recipe and lockfile give:\n${list.join('\n')}`,
    {
      hint: `write it again: stillroom generate recipe ${name}`,
      details: { changes },
    },
  )
}

/** Writes `generated/NAME`: what differs, and nothing else; what does not belong there is removed. */
export async function writeGenerated(
  directory: string,
  name: string,
  files: ContextFiles,
): Promise<GeneratedChange[]> {
  const changes = await compareGenerated(directory, name, files)
  const root = join(directory, 'generated', name)
  for (const { path, change } of changes) {
    if (change === 'extra') await rm(join(root, path))
    else
      await writeFileAtomic(join(root, path), files.get(path) as string, path.endsWith('.sh') ? 0o755 : 0o644)
  }
  return changes
}

async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => !path.startsWith('artifacts/') && path !== 'metadata.json')
}

function excerpt(patch: string): string {
  const lines = patch.split('\n').slice(4)
  const shown = lines.slice(0, 12).map((line) => `    ${line}`)
  return [...shown, ...(lines.length > 12 ? [`    ... ${lines.length - 12} more lines`] : [])]
    .join('\n')
    .trimEnd()
}
