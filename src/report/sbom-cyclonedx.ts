import { createHash } from 'node:crypto'
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import type { AuditedPackage, AuditResult } from '../audit/audit-report.ts'
import { packageUrl } from './package-url.ts'

/**
 * What is installed in an image as CycloneDX 1.6 (ECMA-424), JSON. The same report gives the same bytes: the serial
 * number comes from the image ID.
 *
 * @param created when the image says that it was made, ISO 8601
 */
export function cycloneDx(report: AuditResult, { created }: { created?: string } = {}): string {
  const { image, packages } = report
  const bom = new Models.Bom({
    serialNumber: serialNumber(image.id),
    metadata: new Models.Metadata({
      ...(created === undefined ? {} : { timestamp: new Date(created) }),
      component: new Models.Component(Enums.ComponentType.Container, image.reference, {
        bomRef: image.id,
        version: image.id,
        hashes: new Models.HashDictionary([
          [Enums.HashAlgorithm['SHA-256'], image.id.slice('sha256:'.length)],
        ]),
      }),
    }),
  })
  const refs = new Map<string, number>()
  for (const entry of packages) bom.components.add(component(entry, report, refs))
  const root = bom.metadata.component
  for (const each of bom.components) root?.dependencies.add(each.bomRef)
  const spec = Spec.SpecVersionDict[Spec.Version.v1dot6]
  if (!spec) throw new Error('the CycloneDX library lacks version 1.6')
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(spec))
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`
}

function component(
  entry: AuditedPackage,
  { image }: AuditResult,
  refs: Map<string, number>,
): Models.Component {
  const purl = packageUrl(entry, image.os)
  const count = refs.get(purl) ?? 0
  refs.set(purl, count + 1)
  const made = new Models.Component(Enums.ComponentType.Library, entry.name, {
    bomRef: count === 0 ? purl : `${purl}#${count + 1}`,
    version: entry.version,
    purl,
  })
  if (entry.license !== undefined) made.licenses.add(new Models.NamedLicense(entry.license))
  if (entry.artifact) made.hashes.set(Enums.HashAlgorithm['SHA-256'], entry.artifact.sha256)
  const properties: [string, string | undefined][] = [
    ['stillroom:kind', entry.kind],
    ['stillroom:environment', entry.environment],
    ['stillroom:step', entry.step ?? undefined],
    ['stillroom:artifact', entry.artifact?.file],
  ]
  for (const [name, value] of properties)
    if (value !== undefined) made.properties.add(new Models.Property(name, value))
  return made
}

/** A UUID of RFC 9562, version 8: made of the image ID. */
function serialNumber(imageID: string): string {
  const hex = createHash('sha256').update(`stillroom cyclonedx ${imageID}`).digest('hex')
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16)
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
