import { basename, dirname, join, resolve } from 'node:path'
import { draftRecipes } from '../../adopt/draft/draft-recipe.ts'
import type { DraftNote } from '../../adopt/draft/recipe-draft.ts'
import type { Suite } from '../../recipe/schema.ts'
import { makeDirectory, writeFileAtomic, writing } from '../../store/disk.ts'
import type { Repository } from '../ports.ts'
import { newRecipePlace } from './new-recipe-place.ts'
import { buildContext, readDockerfileText, repositoryPlaces } from './read-build-context.ts'

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
 * Writes drafts of recipes for a Dockerfile: one, and one for each stage that it takes files from. What is there stays: a recipe of
 * such a name is an error.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE, DOCKERFILE_UNADOPTABLE, RECIPE_EXISTS, USAGE for a name that no recipe may
 *   have, NOT_WRITABLE, DISK_FULL
 */
export async function adoptDockerfile(
  ports: Repository,
  path: string,
  options: AdoptOptions,
): Promise<AdoptResult> {
  const { directory } = ports
  const file = resolve(directory, path)
  const text = await readDockerfileText(file, path)
  const name = options.name ?? nameOf(file)
  const { buildArgs, suite, context } = options
  const again = `stillroom adopt dockerfile ${path} NAME`
  await newRecipePlace(directory, name, again)
  const root = context === undefined ? dirname(file) : resolve(directory, context)
  const recipes = draftRecipes(text, {
    name,
    path,
    suite,
    contextFile: buildContext(root),
    repositoryPlace: await repositoryPlaces(ports, join(directory, 'recipes', name), root),
    ...(buildArgs === undefined ? {} : { buildArgs }),
  })
  // all that there is to be is looked at before any of it is written
  const places: string[] = []
  for (const recipe of recipes) places.push(await newRecipePlace(directory, recipe.name, again))
  const written: string[] = []
  for (const [i, { source, files, name: own }] of recipes.entries()) {
    for (const [each, content] of [['recipe.ts', source] as const, ...files]) {
      const target = join(places[i] ?? '', each)
      await writing(target, () => makeDirectory(dirname(target)))
      await writeFileAtomic(target, content)
      written.push(`recipes/${own}/${each}`)
    }
  }
  const others = recipes.slice(0, -1).map((recipe) => recipe.name)
  return {
    name,
    files: written,
    notes: recipes
      .flatMap((recipe) =>
        recipe.notes.map((note) => (recipe.name === name ? note : ofRecipe(recipe.name, note))),
      )
      .sort((one, other) => one.line - other.line || one.column - other.column),
    next: [
      ...others.flatMap((other) => [`stillroom lock recipe ${other}`, `stillroom build recipe ${other}`]),
      `stillroom lock recipe ${name}`,
      `stillroom build recipe ${name} --twice`,
    ],
  }
}

/** A note of the recipe of another stage than the last. */
function ofRecipe(recipe: string, note: DraftNote): DraftNote {
  return { ...note, text: `${note.text} (recipe ${recipe})` }
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
