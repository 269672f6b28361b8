import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { RecipePageResult } from '../../workflows/page/report-recipe.ts'
import { BaseCommand } from '../base-command.ts'
import { HISTORY, RECIPE } from '../shared-flags.ts'

export default class ReportRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = "Make a page about a recipe's image"
  static override description =
    'One HTML file that loads nothing: what the image is made of by size, its packages with versions and licences, ' +
    'where each comes from, how to run it, findings of the audit, verification runs, and the SBOM and the lockfile to ' +
    'download. The engine must have the locked image, or the store its locked tree.'
  static override examples = [
    '<%= config.bin %> report recipe hello',
    '<%= config.bin %> report recipe hello --output site/hello.html',
  ]
  static override args = { name: RECIPE }
  static override flags = {
    history: HISTORY,
    output: Flags.string({ description: 'the file to write; NAME.html when left out' }),
  }

  async run(): Promise<RecipePageResult> {
    const { args, flags, session } = await this.open(ReportRecipe)
    const { reportRecipe } = await import('../../workflows/page/report-recipe.ts')
    const place = (path: string) => resolve(flags.directory, path)
    const result = await reportRecipe(session, args.name, {
      history: place(flags.history),
      output: place(flags.output ?? `${args.name}.html`),
    })
    this.log(`${result.page}: ${result.files} files, ${result.bytes} bytes`)
    if (result.problems > 0) {
      this.logToStderr(`${result.problems} lines of the history cannot be read: the page says so`)
      process.exitCode = 1
    }
    return result
  }
}
