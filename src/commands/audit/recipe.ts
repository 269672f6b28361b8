import type { AuditReport } from '../../audit/audit-report.ts'
import { AUDIT_OUTPUT, STRICT, tellAudit } from '../audit-output.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class AuditRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = "Compare a recipe's image with its lockfile, file by file"
  static override description =
    'Reads the image without running it: packages, files, permissions, credentials, config. ' +
    'Exit code 1 with findings, or when something could not be read. Rules: docs/rules.md.'
  static override examples = [
    '<%= config.bin %> audit recipe hello',
    '<%= config.bin %> audit recipe hello --json',
    '<%= config.bin %> audit recipe hello --format sarif --output audit.sarif',
  ]
  static override args = { name: RECIPE }
  static override flags = { strict: STRICT, ...AUDIT_OUTPUT }

  async run(): Promise<AuditReport> {
    const { args, flags, session } = await this.open(AuditRecipe)
    const { auditRecipe } = await import('../../workflows/audit/audit-recipe.ts')
    const report = await auditRecipe(session, args.name, { strict: flags.strict })
    await tellAudit(report, report.image.created, flags, (text) => this.log(text))
    if (report.verdict !== 'clean') process.exitCode = 1
    return report
  }
}
