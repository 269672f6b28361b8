import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { verifyTable } from '../../report/verify-table.ts'
import { exitCodeOf, VARIATIONS, type Variation, type VerifyReport } from '../../verify/verify-report.ts'
import { BaseCommand } from '../base-command.ts'
import { recipeNames } from '../recipe-names.ts'

export interface VerifyReports {
  reports: VerifyReport[]
}

export default class VerifyRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Rebuild recipes from nothing and compare, or name the cause of the difference'
  static override description =
    'Fetches what the store lacks, builds with no cache, and compares the image ID with the lockfile. Of several recipes, ' +
    'what they have in common is rebuilt once. When the image differs, ' +
    'reads both images and says what differs, why, and what to change in the recipe. Exit code 0: identical; ' +
    '1: equivalent, different or inconclusive; 2: a recipe or lockfile is wrong; 3: a build failed.'
  static override examples = [
    '<%= config.bin %> verify recipe hello',
    '<%= config.bin %> verify recipe --all --keep --json',
    '<%= config.bin %> verify recipe hello --vary clock,hostname,cpus',
  ]
  static override strict = false
  static override usage = 'verify recipe NAME... | --all'
  static override flags = {
    all: Flags.boolean({ description: 'every recipe of the project', default: false }),
    keep: Flags.boolean({
      default: false,
      description:
        'keep an identical image as stillroom/NAME:verified, so that a later difference can be explained',
    }),
    vary: Flags.string({
      description: `build on a private engine that looks like another machine; of ${VARIATIONS.join(', ')}, or all`,
      multiple: true,
      delimiter: ',',
      options: [...VARIATIONS, 'all'],
    }),
    from: Flags.string({
      description: 'build again only from this step on, such as run-2: a quick search for what varies',
      exclusive: ['vary'],
    }),
    history: Flags.string({ description: 'add each verification to the history in this directory' }),
    statement: Flags.string({
      description: 'write an in-toto statement of each verification to this directory, ready to be signed',
    }),
    builder: Flags.string({ description: 'a buildx builder by name: another BuildKit', exclusive: ['vary'] }),
  }

  async run(): Promise<VerifyReports> {
    const { argv, flags, session } = await this.open(VerifyRecipe)
    const names = await recipeNames(session.directory, argv as string[], flags.all)
    const [{ verifyRecipe }, { RebuiltSteps }] = await Promise.all([
      import('../../workflows/verify/verify-recipe.ts'),
      import('../../verify/rebuilt-steps.ts'),
    ])
    const { all: _, directory: __, json: ___, history, statement, ...rest } = flags
    const options = { ...rest, vary: variationsOf(flags.vary ?? []), rebuilt: new RebuiltSteps() }
    const reports: VerifyReport[] = []
    for (const name of names) {
      const at = new Date()
      const report = await verifyRecipe(session, name, options)
      reports.push(report)
      if (statement !== undefined) {
        const { keepStatement } = await import('../../workflows/verify/history-files.ts')
        await keepStatement(resolve(flags.directory, statement), report)
      }
      if (history !== undefined) {
        const { keepRun } = await import('../../workflows/verify/history-files.ts')
        await keepRun(session, resolve(flags.directory, history), report, at)
      }
      this.log(verifyTable(report))
    }
    process.exitCode = Math.max(...reports.map(exitCodeOf))
    return { reports }
  }
}

function variationsOf(words: readonly string[]): Variation[] {
  return VARIATIONS.filter((variation) => words.includes('all') || words.includes(variation))
}
