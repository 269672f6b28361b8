import type { RebuiltComparison, RebuiltFile } from '../adopt/image/compare-rebuilt.ts'
import type { ImageNote } from '../adopt/image/image-note.ts'
import { megabytes, plural } from './fact-lines.ts'
import { maskControls } from './markdown.ts'

interface Adopted {
  name: string
  files: string[]
  notes: ImageNote[]
  comparison: RebuiltComparison | null
  built: { id: string; tag: string } | null
  found: { files: number; bytes: number }
  next: string[]
}

/** So many of a list are shown; all of them with `--json`. */
const SHOWN = 10

/** What an adopted image is made again from, and what is left to see to. */
export function adoptedImageTable({ name, files, notes, comparison, built, found, next }: Adopted): string {
  const fact = (title: string, text: string) => `${title.padEnd(9)} ${text}`
  return [
    ...files.map((file) => fact('written', file)),
    ...notes.flatMap(({ kind, text, next: command }) => [
      fact(kind, text),
      ...(command === undefined ? [] : [`          ${command}`]),
    ]),
    ...(comparison === null || built === null
      ? [
          fact(
            'found',
            `${plural(found.files, 'file')} (${megabytes(found.bytes)}) that no package brought, or that were changed since: none is carried`,
          ),
          fact('draft', `"${name}" has not been built: nothing is known of it yet`),
        ]
      : [fact('built', `${built.tag} ${built.id}`), ...comparisonLines(comparison, fact)]),
    'next:',
    ...next.map((command) => `  ${command}`),
  ]
    .map((line) => maskControls(line.replace(/[\r\n]+/g, ' ')))
    .join('\n')
}

function comparisonLines(
  { files, bytes, shares, explained, carried, unknown, dropped, withheld }: RebuiltComparison,
  fact: (title: string, text: string) => string,
): string[] {
  const percent = (share: number) => `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`
  const each = (['equal', 'explained', 'carried', 'unknown'] as const).map(
    (fate) => `${percent(shares[fate].share)} ${fate}`,
  )
  const reasons = (title: string, some: readonly { reason: string; files: number; bytes: number }[]) =>
    some
      .slice(0, SHOWN)
      .map((one) => fact(title, `${plural(one.files, 'file')} (${megabytes(one.bytes)}): ${one.reason}`))
  const paths = (title: string, some: readonly RebuiltFile[]) => [
    ...some
      .slice(0, SHOWN)
      .map(({ path, size, reason }) => fact(title, `${path} (${size} bytes): ${reason}`)),
    ...(some.length > SHOWN ? [fact(title, `and ${some.length - SHOWN} more: --json lists them`)] : []),
  ]
  return [
    fact('bytes', `${megabytes(bytes)} in ${plural(files, 'file')}: ${each.join(', ')}`),
    ...reasons('explained', explained),
    ...paths('carried', carried),
    ...paths('unknown', unknown),
    ...paths('withheld', withheld),
    ...reasons('dropped', dropped),
  ]
}
