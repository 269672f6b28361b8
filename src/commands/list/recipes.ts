import { BaseCommand } from '../base-command.ts'

interface ListedRecipe {
  name: string
  /** Whether there is a lockfile. */
  locked: boolean
  /** The image that it gives; null before the first build. */
  image: string | null
}

export interface RecipeList {
  recipes: ListedRecipe[]
}

export default class ListRecipes extends BaseCommand {
  static override summary = 'List the recipes of the project'
  static override examples = ['<%= config.bin %> list recipes --json']

  async run(): Promise<RecipeList> {
    const { flags } = await this.parse(ListRecipes)
    const { listRecipes } = await import('../../workflows/project/list-recipes.ts')
    const { readLock } = await import('../../workflows/project/lock-file.ts')
    const recipes: ListedRecipe[] = []
    for (const name of await listRecipes(flags.directory)) {
      const lock = await readLock(flags.directory, name)
      const [platform] = Object.values(lock?.platforms ?? {})
      recipes.push({ name, locked: lock !== undefined, image: platform?.image?.id ?? null })
    }
    for (const { name, locked, image } of recipes)
      this.log(`${name.padEnd(20)} ${image ?? (locked ? 'locked, not built yet' : 'not locked')}`)
    return { recipes }
  }
}
