import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { SiteResult } from '../../workflows/github/make-site.ts'
import { BaseCommand } from '../base-command.ts'
import { HISTORY } from '../shared-flags.ts'

export default class ReportSite extends BaseCommand {
  static override summary = 'Make a page of the verification runs in a history'
  static override description =
    'One HTML file that loads nothing: recipes by days, causes of differences, lock changes, what images are made ' +
    'of, sources at risk. `verify recipe --history` and `verify sources --history` write the history.'
  static override examples = ['<%= config.bin %> report site --history history --output site']
  static override flags = {
    history: HISTORY,
    output: Flags.string({ description: 'the directory that index.html is written to', default: 'site' }),
    title: Flags.string({ description: "the page's title", default: 'Rebuild verification' }),
    nights: Flags.integer({
      description: 'how many of the last days with runs to show',
      default: 60,
      min: 1,
    }),
  }

  async run(): Promise<SiteResult> {
    const { flags } = await this.parse(ReportSite)
    const { makeSite } = await import('../../workflows/github/make-site.ts')
    const place = (path: string) => resolve(flags.directory, path)
    const { title, nights } = flags
    const result = await makeSite(place(flags.history), place(flags.output), {
      title,
      nights,
      now: new Date(),
    })
    this.log(`${result.page}: ${result.recipes} recipes, ${result.nights} nights`)
    if (result.problems > 0) {
      this.logToStderr(`${result.problems} lines of the history cannot be read: the page lists them`)
      process.exitCode = 1
    }
    return result
  }
}
