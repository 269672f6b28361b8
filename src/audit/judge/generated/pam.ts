import type { LockedContext } from '../judge-context.ts'
import { firstWrong, type GeneratedFile } from './generated-file.ts'

/** What it fills in where no profile offers anything, of a module that it calls "null". */
const NOTHING = '[default=1] pam_permit.so'

/** Each line is one of the template that pam-auth-update fills in, or one that a package's profile asks for. */
export function pamProblem({ path, text }: GeneratedFile, { image }: LockedContext): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const template = image.tree.read(`usr/share/pam/${name}`)?.toString('latin1') ?? ''
  const known = new Set([...template.split('\n'), `${name.split('-')[1]} ${NOTHING}`].map(words))
  const rules = new Set(
    image.tree
      .list('usr/share/pam-configs')
      .flatMap((profile) =>
        (image.tree.read(`usr/share/pam-configs/${profile}`)?.toString('latin1') ?? '').split('\n'),
      )
      .map((line) => words(line)),
  )
  return firstWrong(
    text,
    (line) => line.startsWith('#') || known.has(words(line)) || rules.has(words(line.replace(/^\S+/, ''))),
  )
}

/** What pam-auth-update notes of the profiles it used. */
export function pamStateProblem({ text }: GeneratedFile, { image }: LockedContext): string | undefined {
  const profiles = [...image.tree.list('usr/share/pam-configs'), 'null']
  const rules = new Set(
    profiles.flatMap((profile) =>
      (image.tree.read(`usr/share/pam-configs/${profile}`)?.toString('latin1') ?? '').split('\n').map(words),
    ),
  )
  return firstWrong(
    text,
    (line) =>
      words(line) === words(NOTHING) ||
      rules.has(words(line)) ||
      profiles.includes(line.replace(/^Module: /, '')),
  )
}

/** Jumps are counted out when a profile is filled in: `success=end` becomes `success=1`. */
function words(line: string): string {
  return line
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/=(end|\d+)\b/g, '=end')
}
