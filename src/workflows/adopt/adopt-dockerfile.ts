import { basename, dirname, join, resolve } from 'node:path'
import { draftRecipe } from '../../adopt/draft/draft-recipe.ts'
import type { DraftNote } from '../../adopt/draft/recipe-draft.ts'
import type { Suite } from '../../recipe/schema.ts'
import { makeDirectory, writeFileAtomic, writing } from '../../store/disk.ts'
import { newRecipePlace } from './new-recipe-place.ts'
import { buildContext, readDockerfileText } from './read-build-context.ts'

export interface AdoptOptions {
  /** `recipes/NAME`; by default it is that of the Dockerfile's directory. */
  name?: string | undefined
  buildArgs?: Record<string, string>
  suite?: Suite | undefined
  /** The build context's directory; that of the Dockerfile when not said. */
  context?: string | undefined
}

export interface AdoptResult {
  name: string
  /** Written, below the project's directory. */
  files: string[]
  /** What is another than in the Dockerfile, or left to do, by its places. */
  notes: DraftNote[]
  /** What comes next: commands. Nothing has been built yet. */
  next: string[]
}

/**
 * Writes a draft of a recipe for a Dockerfile. What is there stays: a recipe of that name is an error.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE, DOCKERFILE_UNADOPTABLE, RECIPE_EXISTS, USAGE for a name that no recipe may
 *   have, NOT_WRITABLE, DISK_FULL
 */
export async function adoptDockerfile(
  directory: string,
  path: string,
  options: AdoptOptions,
): Promise<AdoptResult> {
  const file = resolve(directory, path)
  const text = await readDockerfileText(file, path)
  const name = options.name ?? nameOf(file)
  const place = await newRecipePlace(directory, name, `stillroom adopt dockerfile ${path} NAME`)
  const { buildArgs, suite, context } = options
  const { source, files, notes } = draftRecipe(text, {
    path,
    suite,
    contextFile: buildContext(context === undefined ? dirname(file) : resolve(directory, context)),
    ...(buildArgs === undefined ? {} : { buildArgs }),
  })
  const all = [['recipe.ts', source] as const, ...files]
  for (const [each, content] of all) {
    const target = join(place, each)
    await writing(target, () => makeDirectory(dirname(target)))
    await writeFileAtomic(target, content)
  }
  return {
    name,
    files: all.map(([each]) => `recipes/${name}/${each}`),
    notes,
    next: [`stillroom lock recipe ${name}`, `stillroom build recipe ${name} --twice`],
  }
}

/** Of the directory that a Dockerfile lies in, or of `NAME.dockerfile` and `Dockerfile.NAME`. */
function nameOf(file: string): string {
  const own = basename(file).replace(/^(Dockerfile|Containerfile)\.?|\.(dockerfile|containerfile)$/gi, '')
  const name = own === '' ? basename(dirname(file)) : own
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}
