import type { AuditedPackage } from '../../audit/audit-report.ts'
import { lockedPackages, packageId } from '../../audit/expect/locked-packages.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import type { RecipePage } from './recipe-page.ts'

/** Every package with its version, licence, size in the image, and where it comes from; the largest first. */
export function packagesSection({ files, audit, locked }: RecipePage): Html {
  const archives = archivesOf(locked)
  const sizes = new Map<string, number>()
  for (const { owner, size } of files)
    if (owner?.includes('/')) sizes.set(owner, (sizes.get(owner) ?? 0) + size)
  const packages: Shown[] = audit?.packages ?? [...lockedPackages(locked).values()]
  const sizeOf = (entry: Shown) => sizes.get(packageId(entry)) ?? 0
  const sorted = [...packages].sort((a, b) => sizeOf(b) - sizeOf(a) || (packageId(a) < packageId(b) ? -1 : 1))
  const rows = sorted.map((entry) => {
    const { kind, name, version, step } = entry
    return html`<tr><th scope="row">${name} <span class="soft">${kind}</span></th><td data-label="version">${version}</td><td data-label="licence">${licenceOf(entry)}</td>
<td class="number" data-label="size" data-bytes="${sizeOf(entry)}">${bytesInWords(sizeOf(entry))}</td><td data-label="part">${step}</td><td data-label="from">${sourceOf(entry, archives)}</td></tr>`
  })
  return html`<section id="packages"><h2>Packages</h2>
<p>${packages.length} packages; sizes are those of their files in the image, with the byte code of their sources.
Licences are as the packages' own metadata name them; Debian packages have theirs in <code>/usr/share/doc/NAME/copyright</code>.</p>
<p hidden><label>Find packages: <input type="search" id="filter"></label> <span class="soft" id="shown" role="status"></span></p>
<div class="scroll" tabindex="0" role="region" aria-label="Packages">
<table class="cards"><thead><tr><th scope="col">package</th><th scope="col">version</th><th scope="col">licence</th><th scope="col" class="number" aria-sort="descending">size</th><th scope="col">part</th><th scope="col">from</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`
}

type Shown = Pick<AuditedPackage, 'kind' | 'name' | 'version' | 'step' | 'artifact' | 'license' | 'origin'>

function licenceOf({ license, kind }: Shown): string {
  return license ?? (kind === 'deb' ? '' : 'not known')
}

/** By sha256 of a package's file, what the lock says it was taken from, when that is not the index that all are from. */
function archivesOf({ base, steps }: LockedPlatform): Map<string, string> {
  const debs = [base, ...steps].flatMap((part) =>
    part.kind === 'debian' || part.kind === 'apt' ? part.packages : [],
  )
  const wheels = steps.flatMap((step) => (step.kind === 'pip' ? step.files : []))
  return new Map([
    ...debs.map(({ sha256, archive }) => [sha256, archive] as const),
    ...wheels.flatMap(({ sha256, url, index }) => {
      const from = url ?? index
      return from === undefined ? [] : [[sha256, from] as const]
    }),
  ])
}

function sourceOf({ artifact, origin }: Shown, archives: ReadonlyMap<string, string>): Html {
  if (artifact !== undefined) {
    const archive = archives.get(artifact.sha256)
    return html`<code>${artifact.file}</code>${archive && html` <span class="soft">${archive}</span>`}`
  }
  if (origin === undefined) return html``
  return html`<code>${origin.url}</code>${origin.commit && html` <code>${origin.commit}</code>`}`
}
