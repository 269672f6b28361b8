import { oneLine } from './markdown.ts'

interface Diagnostic {
  what: string
  status: 'ok' | 'warning' | 'missing'
  found: string
  mend?: string
}

/** One line for each thing looked at, with how to fix it below, and a last one that says what follows. */
export function doctorTable({ ok, findings }: { ok: boolean; findings: readonly Diagnostic[] }): string {
  const width = Math.max(0, ...findings.map(({ what }) => what.length))
  const lines = findings.flatMap(({ what, status, found, mend }) => [
    `${status.padEnd(7)}  ${what.padEnd(width)}  ${oneLine(found)}`,
    ...(mend === undefined ? [] : [`${' '.repeat(width + 11)}fix: ${oneLine(mend)}`]),
  ])
  return `${[...lines, '', ok ? 'Builds can work here.' : 'Builds cannot work here yet: see what is missing.'].join('\n')}\n`
}
