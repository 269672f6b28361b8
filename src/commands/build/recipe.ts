import { Flags } from '@oclif/core'
import { type BuildReport, buildTable } from '../../report/build-report.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class BuildRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Build a recipe from its lockfile and compare the image with it'
  static override description =
    'Fetches what is missing, builds without network, compares the image with the lockfile, runs the checks, and ' +
    'audits what was built. One build proves nothing: --twice builds what is new again, without cache and under another ' +
    'clock, host name, time zone, locale and CPU count where a private engine can be had, and names what differs. Exit code 1 when the image differs, a check fails, or the audit finds something.'
  static override examples = [
    '<%= config.bin %> build recipe hello',
    '<%= config.bin %> build recipe hello --twice',
    '<%= config.bin %> build recipe hello --no-cache --json',
  ]
  static override args = { name: RECIPE }
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
    builder: Flags.string({ description: 'a buildx builder by name (remote, Kubernetes, ...)' }),
  }

  async run(): Promise<BuildReport> {
    const { args, flags, session } = await this.open(BuildRecipe)
    const options = { noCache: !flags.cache, builder: flags.builder, audit: flags.audit }
    const result = flags.twice
      ? await (await import('../../workflows/build/build-twice.ts')).buildTwice(session, args.name, options)
      : await (await import('../../workflows/build/build-recipe.ts')).buildRecipe(session, args.name, options)
    this.log(buildTable(result).trimEnd())
    const failed = result.checks.some((check) => !check.passed)
    const isTampered = result.audit !== null && result.audit.verdict !== 'clean'
    if (failed || isTampered || result.verdict === 'different' || result.verdict === 'equivalent')
      process.exitCode = 1
    if (result.second) {
      const { exitCodeOf } = await import('../../verify/verify-report.ts')
      process.exitCode = Math.max(Number(process.exitCode ?? 0), exitCodeOf(result.second))
    }
    return result
  }
}
