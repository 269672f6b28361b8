import { Args, Flags } from '@oclif/core'
import { StillroomError } from '../../error.ts'
import type { GeneratedChange } from '../../workflows/project/generated.ts'
import { BaseCommand, type FailedRecipe } from '../base-command.ts'

interface Generated {
  recipe: string
  changes: GeneratedChange[]
}

/** What `--json` prints: of one recipe, or with `--all` of every one. */
export type GenerateReport = Generated | { recipes: Generated[] }

/** What `--json` prints of several recipes that are named. */
export type GenerateReports = (Generated | FailedRecipe)[]

export default class GenerateRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Write the build contexts of recipes from their lockfiles'
  static override examples = [
    '<%= config.bin %> generate recipe hello --check',
    '<%= config.bin %> generate recipe --all --check',
  ]
  static override args = { name: Args.string({ description: 'directories in recipes/', multiple: true }) }
  static override flags = {
    all: Flags.boolean({ description: 'every recipe of the project', default: false }),
    check: Flags.boolean({ description: 'write nothing; exit code 1 when generated/NAME differs' }),
  }

  async run(): Promise<GenerateReport | GenerateReports> {
    const { args, flags, session } = await this.open(GenerateRecipe)
    const { name: names = [] } = args
    if ((names.length === 0) !== flags.all) {
      throw new StillroomError('USAGE', 'expected names of recipes, or --all', { hint: 'see --help' })
    }
    const { generateRecipe } = await import('../../workflows/lock/find-stale.ts')
    const generate = async (recipe: string): Promise<Generated> => {
      const { changes } = await generateRecipe(session, recipe, { check: flags.check })
      this.#tell(recipe, changes, flags.check)
      if (flags.check && changes.length > 0) this.exitAtLeast(1)
      return { recipe, changes }
    }
    if (!flags.all) return this.inTurn(names, generate)
    const { listRecipes } = await import('../../workflows/project/list-recipes.ts')
    const recipes: Generated[] = []
    for (const recipe of await listRecipes(session.directory)) {
      this.signal.throwIfAborted()
      recipes.push(await generate(recipe))
    }
    return { recipes }
  }

  #tell(recipe: string, changes: readonly GeneratedChange[], check: boolean): void {
    const place = `generated/${recipe}`
    if (changes.length === 0) this.log(`${place} is up to date`)
    else this.log(check ? `${place} differs:` : `wrote ${place}:`)
    for (const { path, change, patch } of changes)
      this.log(`  ${change}: ${path}${check && patch ? `\n${patch}` : ''}`)
  }
}
