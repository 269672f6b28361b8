import type { DraftNote } from '../adopt/draft/recipe-draft.ts'
import { maskControls, oneLine } from './markdown.ts'

interface Adopted {
  name: string
  files: string[]
  notes: DraftNote[]
  next: string[]
}

/** Each note with its place, as compilers write it. */
export function adoptNotes(path: string, { notes }: Adopted): string {
  return notes
    .map(
      ({ kind, line, column, text }) =>
        `${maskControls(oneLine(`${path}:${line}:${column}: ${kind}: ${text}`))}\n`,
    )
    .join('')
}

/** What was written, and that it is a draft. */
export function adoptedTable({ name, files, notes, next }: Adopted): string {
  const todo = notes.filter(({ kind }) => kind === 'todo').length
  return [
    ...files.map((file) => `written   ${file}`),
    `draft     "${name}" has not been built: nothing is known of it yet${todo > 0 ? `, and ${todo} ${todo === 1 ? 'thing is' : 'things are'} left to do` : ''}`,
    'next:',
    ...next.map((command) => `  ${command}`),
  ].join('\n')
}
