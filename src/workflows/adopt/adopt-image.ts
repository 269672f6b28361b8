import { basename } from 'node:path'
import type { RebuiltComparison } from '../../adopt/image/compare-rebuilt.ts'
import type { DraftedImage } from '../../adopt/image/draft-image.ts'
import type { ImageNote } from '../../adopt/image/image-note.ts'
import { auditImage } from '../../audit/audit-image.ts'
import type { Session } from '../session.ts'
import { openSubject } from './adopted-subject.ts'
import { draftLockable, writeFiles } from './build-draft.ts'
import { chooseImageBase } from './choose-image-base.ts'
import { newRecipePlace } from './new-recipe-place.ts'
import { type Made, rebuild } from './rebuild.ts'

export interface AdoptImageOptions {
  /** `auto`, or an image of a registry that the image was made from. */
  base: string
  /** How many bytes may be carried beside the recipe. */
  carry: number
  /** Whether the draft is locked, built and compared with the image. */
  build: boolean
}

export interface AdoptedImage {
  name: string
  image: { reference: string; id: string }
  /** Written, below the project's directory. */
  files: string[]
  notes: ImageNote[]
  /** Null when nothing was built: then nothing is known of the recipe. */
  comparison: RebuiltComparison | null
  /** What was built: its ID, and what the engine calls it. */
  built: { id: string; tag: string } | null
  /** Files that no package brought, or that were changed since, as an audit counts them. */
  found: { files: number; bytes: number }
  /** What comes next: commands. */
  next: string[]
}

/**
 * Writes a recipe for an image by what is in it, locks and builds it, carries what no step brings beside it, and says how
 * much of the image is made again from what.
 *
 * @throws {StillroomError} IMAGE_UNADOPTABLE; RECIPE_EXISTS, USAGE; those of reading images, locking and building
 */
export async function adoptImage(
  session: Session,
  what: string,
  name: string,
  options: AdoptImageOptions,
): Promise<AdoptedImage> {
  const { directory, progress } = session
  const place = await newRecipePlace(directory, name, `stillroom adopt image ${what} NAME`)
  progress({ kind: 'stage', title: `reading ${what}` })
  const subject = await openSubject(session, what)
  try {
    const { original } = subject
    const audit = auditImage(original, undefined, { ignore: [], today: '1970-01-01' })
    const chosen = await chooseImageBase(session, original, options.base)
    const about = { original, audit, located: subject.located, place, name }
    // a recipe is for others: where a file lies on this machine says nothing to them
    const named = { ...original, reference: basename(what) }
    const draft = await draftLockable(session, named, { ...chosen, carries: options.build })
    const made = options.build
      ? await rebuild(session, about, draft, options.carry)
      : await writeDraft(place, draft.drafted)
    const { unexplained, modified } = audit.files
    const found = [...unexplained, ...modified]
    return {
      name,
      image: { reference: what, id: original.id },
      files: made.files.map((each) => `recipes/${name}/${each}`),
      notes: made.drafted.notes,
      comparison: made.comparison,
      built: made.built,
      found: { files: found.length, bytes: found.reduce((sum, { size }) => sum + size, 0) },
      next: nextCommands(name, what, options),
    }
  } finally {
    await subject.close()
  }
}

function nextCommands(name: string, what: string, { build }: AdoptImageOptions): string[] {
  const commit = `git add recipes/${name} generated/${name} && git commit --message 'Adopt ${name}'`
  return build
    ? [commit, `stillroom build recipe ${name} --twice`, `stillroom diff images ${what} stillroom/${name}`]
    : [`stillroom lock recipe ${name}`, `stillroom build recipe ${name} --twice`]
}

/** Writes a draft that nothing is built of. */
async function writeDraft(place: string, drafted: DraftedImage): Promise<Made> {
  const files = new Map([['recipe.ts', drafted.source], ...drafted.files])
  await writeFiles(place, files)
  return { drafted, files: [...files.keys()], comparison: null, built: null }
}
