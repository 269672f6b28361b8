import { Flags } from '@oclif/core'
import { type BuildReport, buildTable } from '../../report/build-report.ts'
import { BaseCommand, type FailedRecipe } from '../base-command.ts'
import { RECIPES } from '../shared-flags.ts'

/** What `--json` prints of several recipes. */
export type BuildReports = (BuildReport | FailedRecipe)[]

export default class BuildRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Build recipes from their lockfiles and compare the images with them'
  static override description =
    'Fetches what is missing, builds without network, compares the image with the lockfile, runs the checks, and ' +
    'audits what was built. One build proves nothing: --twice builds what is new again, without cache and under another ' +
    'clock, host name, time zone, locale and CPU count where a private engine can be had, and names what differs. Exit code 1 when the image differs, a check fails, or the audit finds something.'
  static override examples = [
    '<%= config.bin %> build recipe hello',
    '<%= config.bin %> build recipe hello --twice',
    '<%= config.bin %> build recipe hello --no-cache --json',
    '<%= config.bin %> build recipe hello other',
  ]
  static override args = { name: RECIPES }
  static override flags = {
    cache: Flags.boolean({ description: 'use what is built already', default: true, allowNo: true }),
    audit: Flags.boolean({
      description: 'compare every file of what was built with the lockfile',
      default: true,
      allowNo: true,
    }),
    twice: Flags.boolean({
      description: 'build an image that the lockfile does not name yet a second time at once, and compare',
      default: false,
    }),
    'from-source': Flags.boolean({
      description: 'build an image even where the lockfile says where it was published',
      default: false,
    }),
    builder: Flags.string({ description: 'a buildx builder by name (remote, Kubernetes, ...)' }),
  }

  async run(): Promise<BuildReport | BuildReports> {
    const { args, flags, session } = await this.open(BuildRecipe)
    const options = {
      noCache: !flags.cache,
      builder: flags.builder,
      audit: flags.audit,
      fromSource: flags['from-source'],
    }
    return this.inTurn(args.name, async (name) => {
      const result = flags.twice
        ? await (await import('../../workflows/build/build-twice.ts')).buildTwice(session, name, options)
        : await (await import('../../workflows/build/build-recipe.ts')).buildRecipe(session, name, options)
      this.log(buildTable(result).trimEnd())
      await this.#judge(result)
      return result
    })
  }

  async #judge({ checks, audit, verdict, second }: BuildReport): Promise<void> {
    const isFailed = checks.some((check) => !check.passed)
    const isTampered = audit !== null && audit.verdict !== 'clean'
    if (isFailed || isTampered || verdict === 'different' || verdict === 'equivalent') this.exitAtLeast(1)
    if (second) {
      const { exitCodeOf } = await import('../../verify/verify-report.ts')
      this.exitAtLeast(exitCodeOf(second))
    }
  }
}
