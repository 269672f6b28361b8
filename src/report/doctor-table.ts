import { oneLine } from './markdown.ts'

export interface Diagnostic {
  what: string
  /** `missing`: builds can't work without it. `warning`: they can, but something is to be known. */
  status: 'ok' | 'warning' | 'missing'
  /** What was found. */
  found: string
  /** How to fix it. */
  mend?: string
}

export interface Diagnosis {
  /** Whether builds can work. */
  ok: boolean
  findings: Diagnostic[]
}

export const ok = (what: string, found: string): Diagnostic => ({ what, status: 'ok', found })

export function warning(what: string, found: string, mend: string): Diagnostic {
  return { what, status: 'warning', found, mend }
}

export function missing(what: string, found: string, mend: string): Diagnostic {
  return { what, status: 'missing', found, mend }
}

/** One line for each thing looked at, with how to fix it below, and a last one that says what follows. */
export function doctorTable({ ok: works, findings }: Diagnosis): string {
  const width = Math.max(0, ...findings.map(({ what }) => what.length))
  const lines = findings.flatMap(({ what, status, found, mend }) => [
    `${status.padEnd(7)}  ${what.padEnd(width)}  ${oneLine(found)}`,
    ...(mend === undefined ? [] : [`${' '.repeat(width + 11)}fix: ${oneLine(mend)}`]),
  ])
  return `${[...lines, '', works ? 'Builds can work here.' : 'Builds cannot work here yet: see what is missing.'].join('\n')}\n`
}
