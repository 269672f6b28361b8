import type { HistoryRun } from '../../verify/history.ts'
import { type Html, html } from '../html/html.ts'
import { renderPage } from '../html/page.ts'
import { timeOf } from '../html/time-of.ts'
import { VERDICTS, verdictCell } from '../html/verdict-cell.ts'
import { partBars } from './part-bars.ts'
import { SITE_SCRIPT, SITE_STYLE } from './site-assets.ts'
import type { SiteData, SiteRecipe, SiteRun } from './site-data.ts'

/**
 * A page of a history: recipes by days, each night's causes, what locks changed, what images are made of, and sources
 * at risk. One file that loads nothing, and works without its script.
 *
 * @param now what is called today, ISO 8601
 */
export function renderSite(data: SiteData, { title, now }: { title: string; now: string }): string {
  const runs = data.recipes.flatMap(({ runs }) => runs)
  return renderPage({
    title,
    style: SITE_STYLE,
    script: SITE_SCRIPT,
    header: html`<h1>${title}</h1>
<p>Each recipe is rebuilt from nothing and compared with its lockfile. Made ${timeOf(now)}.</p>`,
    main: html`${problems(data)}
${grid(data)}
${runs.map(section)}
<h2 id="parts">What goes into the images</h2>
${data.recipes.map(partBars)}
<h2 id="sources">Sources at risk</h2>
${data.recipes.map(sources)}`,
  })
}

function grid({ nights, recipes, omitted }: SiteData): Html {
  if (recipes.length === 0) return html`<p>The history is empty: nothing has been verified yet.</p>`
  const heads = nights.map(
    (night) => html`<th scope="col"><time datetime="${night}">${night.slice(5)}</time></th>`,
  )
  return html`<h2 id="nights">Nights</h2>
<ul class="legend">${Object.entries(VERDICTS).map(
    ([verdict, { meaning }]) =>
      html`<li>${verdictCell(verdict as HistoryRun['verdict'])} ${verdict}: ${meaning}</li>`,
  )}<li><span class="cell identical changed" aria-hidden="true"></span> with a bar: another lockfile than before</li></ul>
<div class="scroll" tabindex="0" role="region" aria-labelledby="nights">
<table class="grid">
<thead><tr><th scope="col">recipe</th>${heads}</tr></thead>
<tbody>${recipes.map((recipe) => gridRow(recipe, nights))}</tbody>
</table>
</div>
${omitted > 0 && html`<p>${omitted} older nights are in the history, and not on this page.</p>`}`
}

function gridRow({ recipe, nights: byNight }: SiteRecipe, nights: readonly string[]): Html {
  const cells = nights.map((night) => {
    const entry = byNight.get(night)
    if (!entry) return html`<td><span class="cell none" title="${night}: not verified"></span></td>`
    const { verdict } = entry.run
    const changed = entry.changes === null || entry.changes.length > 0 || undefined
    const label = `${recipe}, ${night}: ${verdict}${changed ? ', lock changed' : ''}`
    const classes = `cell ${verdict}${changed ? ' changed' : ''}`
    return html`<td><a class="${classes}" href="#${entry.id}" aria-label="${label}" title="${label}">${VERDICTS[verdict].mark}</a></td>`
  })
  return html`<tr><th scope="row">${recipe}</th>${cells}</tr>`
}

function section({ id, run, changes, first }: SiteRun): Html {
  const rows: [string, Html | string][] = [
    ['verdict', html`${verdictCell(run.verdict)} ${run.verdict}: ${VERDICTS[run.verdict].meaning}`],
    ['image ID', code(run.image)],
    ['expected', code(run.reference)],
    ['lockfile', code(run.lock)],
    ['commit', code(run.revision)],
    ['took', `${run.seconds.toFixed(0)} s`],
    ...(run.variations.length > 0 ? [['varied', run.variations.join('; ')] as [string, string]] : []),
  ]
  return html`<section class="run" id="${id}" tabindex="-1" aria-label="${run.recipe}, ${timeOf(run.at)}">
<h3>${run.recipe}, ${timeOf(run.at)} <a class="close" href="#nights">back to the nights</a></h3>
<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
${run.problem && html`<p class="problem">${run.problem.code}: ${run.problem.message}</p>`}
${causes(run)}
${lockChanges(changes, first)}
</section>`
}

function causes({ causes }: HistoryRun): Html {
  if (causes.length === 0) return html``
  const items = causes.map(
    ({
      title,
      count,
      advice,
      examples,
    }) => html`<li><strong>${title}</strong>: ${count} ${count === 1 ? 'difference' : 'differences'}
<p>${advice}</p>
<ul class="paths">${examples.map((path) => html`<li><code>${path}</code></li>`)}</ul></li>`,
  )
  return html`<h4>Why it differs</h4><ol>${items}</ol>`
}

function lockChanges(changes: SiteRun['changes'], first: boolean): Html {
  if (first) return html``
  if (changes === null)
    return html`<h4>Lock changes</h4><p>The lockfile changed; one of the two is not in the history.</p>`
  if (changes.length === 0) return html``
  const rows = changes.map(
    ({ name, from, to }) => html`<tr><td>${name}</td><td>${from ?? 'none'}</td><td>${to ?? 'none'}</td></tr>`,
  )
  return html`<details><summary>Lock changes since the run before: ${changes.length}</summary>
<div class="scroll"><table><thead><tr><th scope="col">package</th><th scope="col">from</th><th scope="col">to</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`
}

function sources({ recipe, sources: report }: SiteRecipe): Html {
  if (!report) return html`<h3>${recipe}</h3><p>Its sources have not been looked at yet.</p>`
  const { at, artifacts, live, elsewhere, stored, risks } = report
  const counts = html`<p>${timeOf(at)}: of ${artifacts} artifacts, ${live} are where they came from, ${elsewhere} elsewhere, ${stored} in the store.</p>`
  const list = risks.map(
    ({ kind, subject, message, advice }) =>
      html`<li><span class="risk ${kind}">${kind}</span> <code>${subject}</code>: ${message}<p>${advice}</p></li>`,
  )
  return html`<h3>${recipe}</h3>${counts}${risks.length === 0 ? html`<p>Nothing is at risk.</p>` : html`<ul class="risks">${list}</ul>`}`
}

function problems({ problems }: SiteData): Html {
  if (problems.length === 0) return html``
  const items = problems.map(({ file, line, reason }) => html`<li>${file}, line ${line}: ${reason}</li>`)
  return html`<div class="problem" role="alert"><p>Parts of the history cannot be read, and are missing here:</p><ul>${items}</ul></div>`
}

function code(value: string | null): Html {
  return value === null ? html`none` : html`<code>${value}</code>`
}
