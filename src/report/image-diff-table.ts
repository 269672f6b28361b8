import type {
  ComparedImage,
  ContentDetail,
  ExplainedDifference,
  ExplainedFile,
} from '../verify/explained-difference.ts'
import { printable } from '../verify/printable.ts'

/** Files that a terminal shows with what differs inside. */
const FILES_SHOWN = 20

/** What `diff images` says, also as `--json`. */
export interface ImageDiffReport {
  a: ComparedImage
  b: ComparedImage
  difference: ExplainedDifference
}

/** The differences between two images for a terminal. */
export function imageDiffTable({ a, b, difference }: ImageDiffReport): string {
  const names = [`a  ${a.reference}  ${a.id}`, `b  ${b.reference}  ${b.id}`]
  return `${[...names, '', ...differenceLines(difference)].join('\n')}\n`
}

/** Causes with what to do about them, then each difference. */
export function differenceLines(difference: ExplainedDifference): string[] {
  const { verdict, causes, config, files, layers } = difference
  if (verdict === 'identical') return ['identical: the same configuration and the same layers']
  const counts = [`${files.length} files`, `${config.length} settings`, `${layers.length} layers`].join(', ')
  return [
    verdict === 'equivalent'
      ? `equivalent: the same files in other packaging (${counts} differ)`
      : `different: ${counts}`,
    '',
    ...causes.flatMap(({ title, count, advice, examples, cause }) => [
      `${String(count).padStart(6)}  ${title} (${cause}): ${examples.map((example) => printable(example, 80)).join(' ')}${count > examples.length ? ' ...' : ''}`,
      `        ${advice}`,
    ]),
    '',
    ...files.slice(0, FILES_SHOWN).flatMap(fileLines),
    ...(files.length > FILES_SHOWN ? [`... ${files.length - FILES_SHOWN} more files: see --json`] : []),
    ...config.map(({ field, a, b }) => `config ${printable(field)}: ${value(a)} -> ${value(b)}`),
  ]
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

function fileLines(file: ExplainedFile): string[] {
  const { path, change, fields, causes, detail } = file
  const what = change === 'changed' ? ` ${fields.join(', ')}` : ''
  const [first] = causes
  return [
    `${SIGNS[change]} ${printable(path)}${what}`,
    ...(first ? [`    ${first.cause}: ${printable(first.evidence, 300)}`] : []),
    ...(detail ? detailLines(detail).map((line) => `    ${line}`) : []),
  ]
}

function detailLines(detail: ContentDetail): string[] {
  switch (detail.kind) {
    case 'text': {
      const { patch, omitted } = detail
      const shown = patch.slice(0, 12)
      const more = patch.length - shown.length + omitted
      return more > 0 ? [...shown, `... ${more} more lines`] : shown
    }
    case 'compressed':
      return [
        `${detail.format}: ${detail.header.length > 0 ? `header differs in ${detail.header.join(', ')}` : 'same header'}`,
        ...(detail.inner ? detailLines(detail.inner) : []),
      ]
    case 'archive':
      return [
        ...(detail.reordered ? [`${detail.format}: members in another order`] : []),
        ...detail.members
          .slice(0, 8)
          .flatMap((member) => [
            `${SIGNS[member.change]} ${member.name} ${member.fields.join(', ')}`.trimEnd(),
            ...(member.detail ? detailLines(member.detail).map((line) => `  ${line}`) : []),
          ]),
      ]
    case 'elf':
      return [
        `sections: ${detail.sections.map(({ name, change }) => `${SIGNS[change]}${name}`).join(' ')}`,
        ...stringLines(detail.strings),
      ]
    case 'byte-code':
      return [`byte code: ${detail.parts.join(', ')}`]
    case 'bytes':
      return [`${detail.count} bytes differ from offset ${detail.offset} on`, ...stringLines(detail.strings)]
    case 'unread':
      return [detail.reason]
  }
}

function stringLines({ a, b }: { a: string[]; b: string[] }): string[] {
  return [...a.slice(0, 3).map((text) => `- "${text}"`), ...b.slice(0, 3).map((text) => `+ "${text}"`)]
}

function value(data: unknown): string {
  return data === undefined ? 'nothing' : printable(JSON.stringify(data) ?? '', 120)
}
