import { createHash } from 'node:crypto'
import type { AuditedPackage, AuditResult } from '../audit/audit-report.ts'
import { packageUrl } from './package-url.ts'

/** Where names of SPDX documents live; nothing need answer there (SPDX 2.3, 6.5). */
const NAMESPACE = 'https://stillroom.invalid/spdx'

/**
 * What is installed in an image as SPDX 2.3 (ISO/IEC 5962 and its successor), JSON. The same report gives the same
 * bytes.
 *
 * @param created when the image says that it was made, ISO 8601; the start of 1970 when it doesn't, as the format
 *   demands a time
 */
export function spdx(report: AuditResult, { created }: { created?: string } = {}): string {
  const { image, packages } = report
  const digest = image.id.slice('sha256:'.length)
  const entries = packages.map((entry) => spdxPackage(entry, report))
  const unique = new Map(entries.map((entry) => [entry.SPDXID, entry]))
  const root = {
    SPDXID: 'SPDXRef-Image',
    name: image.reference,
    versionInfo: image.id,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    primaryPackagePurpose: 'CONTAINER',
    checksums: [{ algorithm: 'SHA256', checksumValue: digest }],
  }
  const relation = (from: string, type: string, to: string) => ({
    spdxElementId: from,
    relationshipType: type,
    relatedSpdxElement: to,
  })
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: image.reference,
    documentNamespace: `${NAMESPACE}/${digest}`,
    creationInfo: {
      created: (created === undefined ? new Date(0) : new Date(created))
        .toISOString()
        .replace(/\.\d+Z$/, 'Z'),
      creators: ['Tool: stillroom'],
    },
    packages: [root, ...unique.values()],
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', root.SPDXID),
      ...[...unique.keys()].map((id) => relation(root.SPDXID, 'CONTAINS', id)),
    ],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function spdxPackage(entry: AuditedPackage, { image }: AuditResult) {
  const purl = packageUrl(entry, image.os)
  const suffix = entry.environment === undefined ? '' : ` ${entry.environment}`
  const id = createHash('sha256').update(`${purl}${suffix}`).digest('hex').slice(0, 16)
  return {
    SPDXID: `SPDXRef-${entry.kind}-${entry.name.replace(/[^A-Za-z0-9.-]/g, '-')}-${id}`,
    name: entry.name,
    versionInfo: entry.version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    ...(entry.license === undefined ? {} : { licenseComments: entry.license }),
    copyrightText: 'NOASSERTION',
    ...(entry.artifact
      ? {
          packageFileName: entry.artifact.file,
          checksums: [{ algorithm: 'SHA256', checksumValue: entry.artifact.sha256 }],
        }
      : {}),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  }
}
