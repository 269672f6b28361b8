import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../base-command.ts'

export default class GenerateRecipe extends BaseCommand {
  static override summary = 'Write the build context of a recipe from its lockfile'
  static override examples = ['<%= config.bin %> generate recipe hello --check']
  static override args = { name: Args.string({ description: 'directory in recipes/', required: true }) }
  static override flags = {
    check: Flags.boolean({ description: 'write nothing; exit code 1 when generated/NAME differs' }),
  }

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(GenerateRecipe)
    const session = await this.session(flags.directory)
    const { generateRecipe } = await import('../../workflows/generate-recipe.ts')
    const { changes } = await generateRecipe(session, args.name, { check: flags.check })
    const place = `generated/${args.name}`
    if (changes.length === 0) this.log(`${place} is up to date`)
    else this.log(flags.check ? `${place} differs:` : `wrote ${place}:`)
    for (const { path, change, patch } of changes)
      this.log(`  ${change}: ${path}${flags.check && patch ? `\n${patch}` : ''}`)
    if (flags.check && changes.length > 0) process.exitCode = 1
    return { recipe: args.name, changes }
  }
}
