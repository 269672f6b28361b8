import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { AuditResult } from '../audit/audit-report.ts'
import { AUDIT_FORMATS, SBOM_FORMATS } from '../report/audit-formats.ts'

/** Of both commands that audit. */
export const STRICT = Flags.boolean({
  default: false,
  description:
    'go by no earlier audit: read every layer; and make a finding of each thing that has to be taken on trust',
})

/** How an audit is reported: the flags that both of its commands take. */
export const AUDIT_OUTPUT = {
  format: Flags.option({
    description: 'for people, a pull request, a code scanner or a CI server',
    options: AUDIT_FORMATS,
    default: 'text' as const,
  })(),
  sbom: Flags.option({
    description: 'instead of the audit, what is installed: CycloneDX 1.6 or SPDX 2.3, as JSON',
    options: SBOM_FORMATS,
    exclusive: ['format'],
  })(),
  output: Flags.string({ description: 'write it to this file instead of the terminal' }),
}

interface AuditOutput {
  directory: string
  format: (typeof AUDIT_FORMATS)[number]
  sbom: (typeof SBOM_FORMATS)[number] | undefined
  output: string | undefined
}

/** Renders an audit as asked for; what was written to a file is not printed. */
export async function tellAudit(
  report: AuditResult,
  created: string | undefined,
  { directory, format, sbom, output }: AuditOutput,
  print: (text: string) => void,
): Promise<void> {
  const { renderAudit, renderSbom } = await import('../report/audit-formats.ts')
  const text =
    sbom === undefined
      ? await renderAudit(report, format)
      : await renderSbom(report, sbom, created === undefined ? {} : { created })
  if (output === undefined) {
    print(text.trimEnd())
    return
  }
  const { writeFileAtomic } = await import('../store/disk.ts')
  await writeFileAtomic(resolve(directory, output), text)
}
