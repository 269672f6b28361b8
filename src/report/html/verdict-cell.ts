import type { HistoryRun } from '../../verify/history.ts'
import { type Html, html } from './html.ts'

export const VERDICTS: Record<HistoryRun['verdict'], { mark: string; meaning: string }> = {
  identical: { mark: '=', meaning: 'the same image ID as locked' },
  equivalent: { mark: '≈', meaning: 'the same files in other packaging' },
  different: { mark: '≠', meaning: 'another image' },
  inconclusive: { mark: '?', meaning: 'built, but not compared' },
  failed: { mark: '×', meaning: 'not built' },
}

/** A verdict as a mark in a coloured cell, which says nothing to those who hear the page. */
export function verdictCell(verdict: HistoryRun['verdict']): Html {
  return html`<span class="cell ${verdict}" aria-hidden="true">${VERDICTS[verdict].mark}</span>`
}
