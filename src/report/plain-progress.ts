import { redactLogins } from '../net/redact-url.ts'
import { oneLine } from './markdown.ts'

/** What a workflow reports; the same shape as the workflows' ProgressEvent. */
export type ProgressEvent = { kind: 'stage'; title: string } | { kind: 'status' | 'note'; text: string }

/** Where progress is shown. */
export interface ProgressDisplay {
  report: (event: ProgressEvent) => void
  /** Leaves a line of its own to whatever is written next; with `failed`, because an error is. */
  end: (failed?: boolean) => void
}

/** Progress as plain lines: stages, notes, and a status when it is no count. */
export function plainProgress(output: { write(text: string): unknown }): ProgressDisplay {
  const report = (event: ProgressEvent) => {
    if (event.kind === 'stage') output.write(`- ${redactLogins(event.title)}\n`)
    else if (event.kind === 'note' || !/^\d/.test(event.text)) output.write(`  ${shownText(event.text)}\n`)
  }
  return { report, end: () => undefined }
}

/** Text of others, on one line, without logins. */
export const shownText = (text: string): string => oneLine(redactLogins(text))
