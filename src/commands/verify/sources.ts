import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { sourcesTable } from '../../report/verify-table.ts'
import type { SourcesReport } from '../../verify/forecast.ts'
import { BaseCommand } from '../base-command.ts'
import { recipeNames } from '../recipe-names.ts'

/**
 * What a build cannot do without, and refs that name something else than was published under them. That something is newer or
 * about to end is no failure.
 */
const FAILING = new Set(['gone', 'changed', 'tag-moved', 'ref-gone', 'unknown'])

export interface SourcesReports {
  reports: SourcesReport[]
}

export default class VerifySources extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Say whether artifacts are still where they came from, and what will rot'
  static override description =
    'Asks each source for each artifact of a lock, without keeping it: there, the same, newer, about to end. ' +
    'Exit code 1 when something is gone, changed, or could not be asked for, or when a git tag has moved.'
  static override examples = [
    '<%= config.bin %> verify sources hello',
    '<%= config.bin %> verify sources --all --json',
  ]
  static override strict = false
  static override usage = 'verify sources NAME... | --all'
  static override flags = {
    all: Flags.boolean({ description: 'every recipe of the project' }),
    bytes: Flags.boolean({
      description: 'download and hash everything, instead of comparing sizes or believing digests',
    }),
    history: Flags.string({ description: 'add each report to the history in this directory' }),
  }

  async run(): Promise<SourcesReports> {
    const { argv, flags, session } = await this.open(VerifySources)
    const names = await recipeNames(session.directory, argv as string[], flags.all)
    const { verifySources } = await import('../../workflows/verify/verify-sources.ts')
    const reports: SourcesReport[] = []
    for (const name of names) {
      const report = await verifySources(session, name, { bytes: flags.bytes })
      reports.push(report)
      this.log(sourcesTable(report).trimEnd())
      if (flags.history !== undefined) {
        const { keepSources } = await import('../../workflows/verify/history-files.ts')
        await keepSources(resolve(flags.directory, flags.history), report)
      }
    }
    if (reports.some(({ risks }) => risks.some(({ kind }) => FAILING.has(kind)))) process.exitCode = 1
    return { reports }
  }
}
