import { redactLogins } from '../net/redact-url.ts'
import { oneLine } from './markdown.ts'

/** What a workflow reports; the same shape as the workflows' ProgressEvent. */
type Event = { kind: 'stage'; title: string } | { kind: 'status' | 'note'; text: string }

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/**
 * Progress on a terminal: a line for each stage, and below it one line that is overwritten. Without a terminal,
 * only plain lines: stages, notes, and a status when it is new by a step's name.
 */
export function terminalProgress(output: Output): { report: (event: Event) => void; end: () => void } {
  let status = false
  const clear = () => {
    if (status) output.write('\r\x1b[K')
    status = false
  }
  const report = (event: Event) => {
    if (event.kind === 'stage') {
      clear()
      output.write(`- ${redactLogins(event.title)}\n`)
    } else if (event.kind === 'note') {
      clear()
      output.write(`  ${shown(event.text)}\n`)
    } else if (output.isTTY) {
      clear()
      output.write(`  ${shown(event.text).slice(0, Math.max(20, (output.columns ?? 80) - 3))}`)
      status = true
    } else if (!/^\d/.test(event.text)) {
      output.write(`  ${shown(event.text)}\n`)
    }
  }
  return { report, end: clear }
}

const shown = (text: string) => oneLine(redactLogins(text))
