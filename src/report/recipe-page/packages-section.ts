import type { AuditedPackage } from '../../audit/audit-report.ts'
import { type LockedPackage, lockedPackages, packageId } from '../../audit/expect/locked-packages.ts'
import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import type { RecipePage } from './recipe-page.ts'

/** Every package with its version, licence, size in the image, and where it comes from; the largest first. */
export function packagesSection({ files, audit, locked }: RecipePage): Html {
  const sizes = new Map<string, number>()
  for (const { owner, size } of files)
    if (owner?.includes('/')) sizes.set(owner, (sizes.get(owner) ?? 0) + size)
  const packages: Shown[] = audit?.packages ?? [...lockedPackages(locked).values()]
  const sizeOf = (entry: Shown) => sizes.get(packageId(entry)) ?? 0
  const sorted = [...packages].sort((a, b) => sizeOf(b) - sizeOf(a) || (packageId(a) < packageId(b) ? -1 : 1))
  const rows = sorted.map((entry) => {
    const { kind, name, version, step } = entry
    return html`<tr><th scope="row">${name} <span class="soft">${kind}</span></th><td data-label="version">${version}</td><td data-label="licence">${licenceOf(entry)}</td>
<td class="number" data-label="size" data-bytes="${sizeOf(entry)}">${bytesInWords(sizeOf(entry))}</td><td data-label="part">${step}</td><td data-label="from">${sourceOf(entry)}</td></tr>`
  })
  return html`<section id="packages"><h2>Packages</h2>
<p>${packages.length} packages; sizes are those of their files in the image, with the byte code of their sources.
Licences are as the packages' own metadata name them; Debian packages have theirs in <code>/usr/share/doc/NAME/copyright</code>.</p>
<p hidden><label>Find packages: <input type="search" id="filter"></label> <span class="soft" id="shown" role="status"></span></p>
<div class="scroll" tabindex="0" role="region" aria-label="Packages">
<table class="cards"><thead><tr><th scope="col">package</th><th scope="col">version</th><th scope="col">licence</th><th scope="col" class="number" aria-sort="descending">size</th><th scope="col">part</th><th scope="col">from</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`
}

type Shown = Pick<AuditedPackage, 'kind' | 'name' | 'version' | 'step' | 'artifact' | 'license' | 'origin'> &
  Pick<Partial<LockedPackage>, 'direct'>

function licenceOf({ license, kind }: Shown): string {
  return license ?? (kind === 'deb' ? '' : 'not known')
}

function sourceOf({ artifact, origin, direct }: Shown): Html {
  if (artifact !== undefined) return html`<code>${direct?.url ?? artifact.file}</code>`
  if (origin === undefined) return html``
  return html`<code>${origin.url}</code>${origin.commit && html` <code>${origin.commit}</code>`}`
}
