import { Args, Flags } from '@oclif/core'
import { StillroomError } from '../../error.ts'
import type { GeneratedChange } from '../../workflows/project/generated.ts'
import { BaseCommand } from '../base-command.ts'

interface Generated {
  recipe: string
  changes: GeneratedChange[]
}

/** What `--json` prints: of one recipe, or with `--all` of every one. */
export type GenerateReport = Generated | { recipes: Generated[] }

export default class GenerateRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Write the build context of a recipe from its lockfile'
  static override examples = [
    '<%= config.bin %> generate recipe hello --check',
    '<%= config.bin %> generate recipe --all --check',
  ]
  static override args = { name: Args.string({ description: 'directory in recipes/' }) }
  static override flags = {
    all: Flags.boolean({ description: 'every recipe of the project', default: false }),
    check: Flags.boolean({ description: 'write nothing; exit code 1 when generated/NAME differs' }),
  }

  async run(): Promise<GenerateReport> {
    const { args, flags, session } = await this.open(GenerateRecipe)
    if ((args.name === undefined) !== flags.all) {
      throw new StillroomError('USAGE', 'expected the name of one recipe, or --all', { hint: 'see --help' })
    }
    const { listRecipes } = await import('../../workflows/project/list-recipes.ts')
    const { generateRecipe } = await import('../../workflows/lock/find-stale.ts')
    const recipes: Generated[] = []
    for (const recipe of args.name === undefined ? await listRecipes(session.directory) : [args.name]) {
      this.signal.throwIfAborted()
      const { changes } = await generateRecipe(session, recipe, { check: flags.check })
      this.#tell(recipe, changes, flags.check)
      recipes.push({ recipe, changes })
    }
    if (flags.check && recipes.some(({ changes }) => changes.length > 0)) process.exitCode = 1
    const [one] = recipes
    return args.name !== undefined && one ? one : { recipes }
  }

  #tell(recipe: string, changes: readonly GeneratedChange[], check: boolean): void {
    const place = `generated/${recipe}`
    if (changes.length === 0) this.log(`${place} is up to date`)
    else this.log(check ? `${place} differs:` : `wrote ${place}:`)
    for (const { path, change, patch } of changes)
      this.log(`  ${change}: ${path}${check && patch ? `\n${patch}` : ''}`)
  }
}
