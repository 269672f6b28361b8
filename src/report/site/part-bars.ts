import type { Part } from '../../verify/history.ts'
import { megabytes } from '../fact-lines.ts'
import { type Html, html } from '../html/html.ts'
import type { SiteRecipe } from './site-data.ts'

/** What goes into a recipe's image, by the size of what is fetched for it. */
export function partBars({ recipe, runs }: SiteRecipe): Html {
  const parts = runs.at(-1)?.run.parts ?? []
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total === 0) return html`<h3>${recipe}</h3><p>Not known: its lockfile could not be read.</p>`
  const rows = parts.map((part) => row(part, total))
  return html`<h3>${recipe}</h3>
<div class="scroll"><table class="parts">
<thead><tr><th scope="col">part</th><th scope="col">packages</th><th scope="col">fetched</th><th scope="col">share</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function row({ part, packages, bytes }: Part, total: number): Html {
  const share = (100 * bytes) / total
  const label = `${share.toFixed(1)} %`
  return html`<tr><th scope="row">${part}</th><td>${packages || ''}</td><td>${bytes === 0 ? 'repository' : megabytes(bytes)}</td>
<td class="share"><meter min="0" max="100" value="${share.toFixed(1)}" aria-label="${label}"></meter> ${label}</td></tr>`
}
