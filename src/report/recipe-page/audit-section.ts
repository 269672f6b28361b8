import type { Finding, IgnoredFinding } from '../../audit/finding.ts'
import { AUDIT_VERDICTS, countChanges, explained } from '../audit-table.ts'
import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import { lastingTrustWords } from '../trust-words.ts'
import type { RecipePage } from './recipe-page.ts'

/** More are no reading for people. */
const SHOWN = 200

/** What an audit of the image against its lockfile said. */
export function auditSection({ name, audit }: RecipePage): Html {
  const again = html`<code>stillroom audit recipe ${name}</code>`
  if (audit === undefined)
    return html`<section id="audit"><h2>Audit</h2>
<p>Not audited: the image was not at hand when this page was made, and the sizes are those of the locked tree. ${again} audits it.</p></section>`
  const { account: tally, changes } = audit.files
  const rows = Object.entries(tally).map(
    ([status, { files, bytes }]) =>
      html`<tr><th scope="row">${status}</th><td class="number">${files}</td><td class="number">${bytesInWords(bytes)}</td></tr>`,
  )
  return html`<section id="audit"><h2>Audit</h2>
<p>${AUDIT_VERDICTS[audit.verdict]}. ${again} says the same.</p>
<table><thead><tr><th scope="col">files</th><th scope="col" class="number">number</th><th scope="col" class="number">size</th></tr></thead><tbody>${rows}</tbody></table>
<p>Explained: ${explained(audit.files)}.${changes.length > 0 && ` Changed by steps: ${countChanges(changes)}.`}</p>
<h3>What it went by</h3><ul>${lastingTrustWords(audit.trust).map((line) => html`<li>${line}</li>`)}</ul>
<h3>Findings</h3>${findings(audit.findings)}
${audit.ignored.length > 0 && html`<h3>Ignored by the project's policy</h3>${findings(audit.ignored)}`}</section>`
}

function findings(list: readonly (Finding | IgnoredFinding)[]): Html {
  if (list.length === 0) return html`<p>None.</p>`
  const items = list.slice(0, SHOWN).map((finding) => {
    const { rule, severity, subject, message, expected, actual, evidence = [] } = finding
    const more = [
      ...(expected === undefined ? [] : [`expected ${expected}`]),
      ...(actual === undefined ? [] : [`actual ${actual}`]),
      ...evidence.slice(0, 5),
      ...('reason' in finding
        ? [`ignored: ${finding.reason}${finding.until ? `, until ${finding.until}` : ''}`]
        : []),
    ]
    return html`<li><span class="severity">${severity}</span> ${rule} <code>${subject}</code>: ${message}
${more.length > 0 && html`<ul>${more.map((line) => html`<li>${line}</li>`)}</ul>`}</li>`
  })
  const rest = list.length - items.length
  return html`<ul>${items}</ul>${rest > 0 && html`<p>And ${rest} more.</p>`}`
}
