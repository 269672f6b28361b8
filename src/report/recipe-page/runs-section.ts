import type { HistoryRun } from '../../verify/history.ts'
import { type Html, html } from '../html/html.ts'
import { timeOf } from '../html/time-of.ts'
import { VERDICTS, verdictCell } from '../html/verdict-cell.ts'
import type { RecipePage } from './recipe-page.ts'

/** The last ones are of interest; the history has all. */
const SHOWN = 30

/** What verification runs of the recipe said, the last first. */
export function runsSection({ name, lock, history }: RecipePage): Html {
  const { runs, problems } = history
  const ofLock = runs.filter((run) => run.lock === lock)
  const identical = ofLock.filter(({ verdict }) => verdict === 'identical').length
  const summary =
    ofLock.length === 0
      ? html`<p>No verification of this lockfile is in the history. <code>stillroom verify recipe ${name} --history history</code> adds one.</p>`
      : html`<p>Of this lockfile, ${identical} of ${ofLock.length} verification runs were identical. The last was on ${timeOf(ofLock.at(-1)?.at ?? '')}.</p>`
  return html`<section id="runs"><h2>Verification runs</h2>
<p>The image is built again from nothing and compared with the locked one.</p>
${summary}${problems.length > 0 && html`<p class="problem">${problems.length} lines of the history cannot be read, and are missing here.</p>`}${runs.length > 0 && runTable(runs, lock)}</section>`
}

function runTable(runs: readonly HistoryRun[], lock: string): Html {
  const rows = runs
    .slice(-SHOWN)
    .reverse()
    .map(
      (run) => html`<tr><th scope="row"><time datetime="${run.at}">${timeOf(run.at)}</time></th>
<td data-label="verdict">${verdictCell(run.verdict)} ${run.verdict}: ${VERDICTS[run.verdict].meaning}</td><td data-label="lockfile">${run.lock === lock ? 'this' : 'another'}</td>
<td class="number" data-label="took">${run.seconds.toFixed(0)} s</td><td data-label="why">${whyOf(run)}</td></tr>`,
    )
  const omitted = runs.length - rows.length
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Verification runs"><table class="cards">
<thead><tr><th scope="col">when</th><th scope="col">verdict</th><th scope="col">lockfile</th><th scope="col" class="number">took</th><th scope="col">why</th></tr></thead>
<tbody>${rows}</tbody></table></div>${omitted > 0 && html`<p>${omitted} older runs are in the history, and not on this page.</p>`}`
}

function whyOf({ causes, problem, variations }: HistoryRun): string {
  const varied = variations.length > 0 ? [`varied: ${variations.join('; ')}`] : []
  const found = causes.map(({ title, count }) => `${title}: ${count}`)
  return [...(problem ? [`${problem.code}: ${problem.message}`] : []), ...found, ...varied].join('; ')
}
