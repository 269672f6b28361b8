import { type AuditReport, toReport } from '../../audit/audit-report.ts'
import { StillroomError } from '../../error.ts'
import { AUDIT_OUTPUT, STRICT, tellAudit } from '../audit-output.ts'
import { BaseCommand, type FailedRecipe } from '../base-command.ts'
import { RECIPES } from '../shared-flags.ts'

/** What `--json` prints of several recipes. */
export type AuditReports = (AuditReport | FailedRecipe)[]

export default class AuditRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Compare images of recipes with their lockfiles, file by file'
  static override description =
    'Reads an image without running it: packages, files, permissions, credentials, config. ' +
    'Exit code 1 with findings, or when something could not be read. Rules: docs/rules.md.'
  static override examples = [
    '<%= config.bin %> audit recipe hello',
    '<%= config.bin %> audit recipe hello --json',
    '<%= config.bin %> audit recipe hello --format sarif --output audit.sarif',
  ]
  static override args = { name: RECIPES }
  static override flags = { strict: STRICT, ...AUDIT_OUTPUT }

  async run(): Promise<AuditReport | AuditReports> {
    const { args, flags, session } = await this.open(AuditRecipe)
    const isText = flags.format === 'text' && flags.sbom === undefined && flags.output === undefined
    if (args.name.length > 1 && !isText) {
      throw new StillroomError('USAGE', '--format, --sbom and --output are of one recipe', {
        hint: 'name one recipe at a time, or take --json',
      })
    }
    const { auditRecipe } = await import('../../workflows/audit/audit-recipe.ts')
    return this.inTurn(args.name, async (name) => {
      const report = await auditRecipe(session, name, { strict: flags.strict })
      await tellAudit(report, report.image.created, flags, (text) => this.log(text))
      if (report.verdict !== 'clean') this.exitAtLeast(1)
      return toReport(report)
    })
  }
}
