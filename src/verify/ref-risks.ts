import type { SourceRisk } from './forecast.ts'

/** What a git step's ref names now, which was locked to a commit. */
export interface RefState {
  url: string
  /** As the recipe has it. */
  ref: string
  locked: string
  /** Who still gives the locked commit. */
  locatedAt: 'repository' | 'archive' | 'nowhere' | 'unknown'
  /** By full names: a branch and a tag may have one name. None when the repository has no such ref any more. */
  present: { name: string; id: string }[]
}

const LOCATED: Record<RefState['locatedAt'], string> = {
  repository: 'which its repository still gives',
  archive: 'which only the archive of commits has',
  nowhere: 'which nobody gives any more',
  unknown: 'which could not be asked for',
}

/**
 * What it means that a ref has moved: of a branch, that there is something newer; of a tag, that somebody has replaced what was
 * published under its name.
 */
export function refRisks(recipe: string, state: RefState): SourceRisk[] {
  const { url, ref, locked, locatedAt, present } = state
  const subject = `git/${url} ${ref}`
  const was = `locked is ${locked}, ${LOCATED[locatedAt]}`
  const stay = `write ref: '${locked}' in the recipe to stay with what is locked`
  if (present.length === 0) {
    return [
      {
        kind: 'ref-gone',
        subject,
        message: `its repository has no branch or tag "${ref}" any more; ${was}`,
        advice: `name a ref that is there, or ${stay}`,
      },
    ]
  }
  return present
    .filter(({ id }) => id !== locked)
    .map(({ name, id }) => {
      const message = `${name} names ${id} now; ${was}`
      return name.startsWith('refs/tags/')
        ? {
            kind: 'tag-moved',
            subject,
            message,
            advice: `a published tag should never move: find out why before locking again, or ${stay}`,
          }
        : {
            kind: 'branch-moved',
            subject,
            message,
            advice: `stillroom lock recipe ${recipe} --upgrade takes it; or ${stay}`,
          }
    })
}
