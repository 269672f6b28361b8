import { Args, Flags } from '@oclif/core'
import { type AuditReport, toReport } from '../../audit/audit-report.ts'
import { AUDIT_OUTPUT, STRICT, tellAudit } from '../audit-output.ts'
import { BaseCommand } from '../base-command.ts'

export default class AuditImage extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Say what is in an image, and hold it against a lockfile'
  static override description =
    'Takes a name or ID that the engine knows, an archive of docker save or of an OCI exporter, a SIF, an OCI layout ' +
    'directory, or docker:// and a name in a registry. Without a lockfile, files are compared with what their own packages say. ' +
    'Exit code 1 with findings, or when something could not be read. Rules: docs/rules.md.'
  static override examples = [
    '<%= config.bin %> audit image stillroom/hello --lock recipes/hello/lock.json',
    '<%= config.bin %> audit image image.tar --json',
    '<%= config.bin %> audit image both.tar#app:1',
    '<%= config.bin %> audit image docker://registry.example.org/team/app:1',
    '<%= config.bin %> audit image image.tar --sbom cyclonedx --output sbom.json',
  ]
  static override args = {
    image: Args.string({
      description:
        'a name of the engine, an archive, a directory, or docker://REGISTRY/NAME; of several images in one, FILE#NAME',
      required: true,
    }),
  }
  static override flags = {
    lock: Flags.string({ description: 'the lockfile to compare it with' }),
    platform: Flags.string({
      description: 'of an image of several platforms, the one to read; linux/amd64 when not said',
      helpValue: 'OS/ARCH',
    }),
    strict: STRICT,
    ...AUDIT_OUTPUT,
  }

  async run(): Promise<AuditReport> {
    const { args, flags, session } = await this.open(AuditImage)
    const { auditAny } = await import('../../workflows/audit/audit-recipe.ts')
    const { lock, platform, strict } = flags
    const report = await auditAny(session, args.image, { lock, platform, strict })
    await tellAudit(report, report.image.created, flags, (text) => this.log(text))
    if (report.verdict !== 'clean') process.exitCode = 1
    return toReport(report)
  }
}
