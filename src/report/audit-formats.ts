import type { AuditResult } from '../audit/audit-report.ts'

export const AUDIT_FORMATS = ['text', 'markdown', 'sarif', 'junit'] as const
export type AuditFormat = (typeof AUDIT_FORMATS)[number]

export const SBOM_FORMATS = ['cyclonedx', 'spdx'] as const
export type SbomFormat = (typeof SBOM_FORMATS)[number]

/** An audit in a format for people or for other programs; see docs/audit.md. */
export async function renderAudit(report: AuditResult, format: AuditFormat): Promise<string> {
  switch (format) {
    case 'text':
      return (await import('./audit-table.ts')).auditTable(report)
    case 'markdown':
      return (await import('./audit-markdown.ts')).auditMarkdown(report)
    case 'sarif':
      return (await import('./audit-sarif.ts')).auditSarif(report)
    case 'junit':
      return (await import('./audit-junit.ts')).auditJunit(report)
  }
}

/** What is installed in an audited image, as a bill of materials. */
export async function renderSbom(
  report: AuditResult,
  format: SbomFormat,
  options: { created?: string } = {},
): Promise<string> {
  return format === 'cyclonedx'
    ? (await import('./sbom-cyclonedx.ts')).cycloneDx(report, options)
    : (await import('./sbom-spdx.ts')).spdx(report, options)
}
