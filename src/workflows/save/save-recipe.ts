import { resolve } from 'node:path'
import { connectEngine } from '../../engine/connect.ts'
import { StillroomError } from '../../error.ts'
import { archiveFrame, writeArchive } from '../../image/write-archive.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage, Lockfile } from '../../lock/schema.ts'
import { type Hashed, writeFileAtomic } from '../../store/disk.ts'
import { writeHashed } from '../../store/write-hashed.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Cancellation, Project, Reporting } from '../ports.ts'
import { lockedPlatform, requireLock, writeLock } from '../project/lock-file.ts'
import { MOST_PARTS, partPath, sumsPath, sumsText } from './archive-parts.ts'
import { savedFiles, spoolImage } from './spooled-image.ts'

export interface SaveResult {
  recipe: string
  /** The image ID. */
  image: string
  /** As it was named. */
  file: string
  /** In bytes, of the whole archive. */
  size: number
  /** Of the whole archive: the lockfile has it. */
  sha256: string
  /** What was written: the archive, or its parts. */
  files: { path: string; size: number; sha256: string }[]
  /** Has the sums of these, for `sha256sum --check`. */
  sums: string
  /** Whether the lockfile had no sum of the archive before. */
  noted: boolean
}

/**
 * Writes the locked image of a recipe to an archive whose bytes follow from the image alone: the same on every machine, by
 * every engine. The lockfile names its sum; one that was made before there were sums gets it now.
 *
 * @param split bytes of each part, when the archive is to come in several
 * @throws {StillroomError} LOCK_*; IMAGE_MISSING when the engine lacks the image; USAGE when there would be more than 999
 *   parts; DISK_FULL, NOT_WRITABLE; IMAGE_INVALID; ENGINE_*
 */
export async function saveRecipe(
  ports: Project & Cache & Cancellation & Reporting,
  name: string,
  file: string,
  { split }: { split?: number | undefined } = {},
): Promise<SaveResult> {
  const { signal, progress, directory } = ports
  const lock = await requireLock(directory, name)
  const recipe = recordedRecipe(lock)
  const locked = lockedPlatform(lock, recipe)
  const engine = await connectEngine(ports)
  const { id, reference } = await requireLockedImage(ports, engine, name, locked)
  const image = locked.image as LockedImage

  progress({ kind: 'stage', title: `reading image ${id} from the engine` })
  const path = resolve(file)
  await using spooled = await spoolImage(ports, engine, reference, path)
  const files = await savedFiles(ports, spooled, id, name)
  const { size } = archiveFrame(files)
  if (split !== undefined && Math.ceil(size / split) > MOST_PARTS) throw tooManyParts(size, split)

  progress({ kind: 'stage', title: `writing ${file}` })
  const parts = split === undefined ? undefined : { size: split, path: (n: number) => partPath(path, n) }
  const written = await writeHashed(signal, path, writeArchive(files), {
    split: parts,
    verify: (whole) => requireSum(lock, image, whole),
  })
  const sums = sumsPath(path)
  await writeFileAtomic(sums, sumsText(path, written, written.files))
  const { sha256 } = written
  const noted = image.archive === undefined
  if (noted) {
    const platform = { ...locked, image: { ...image, archive: { sha256, size } } }
    await writeLock(directory, name, {
      ...lock,
      platforms: { ...lock.platforms, [recipe.platform]: platform },
    })
  }
  const shown = written.files.map((each) => ({ ...each, path: file + each.path.slice(path.length) }))
  return { recipe: name, image: id, file, size, sha256, files: shown, sums: sumsPath(file), noted }
}

/** The archive follows from the image and the recipe's name: another sum is a wrong lock. */
function requireSum({ recipe }: Lockfile, { id, archive }: LockedImage, { sha256, size }: Hashed): void {
  if (archive === undefined || (archive.sha256 === sha256 && archive.size === size)) return
  throw new StillroomError(
    'LOCK_INVALID',
    `the lockfile of recipe "${recipe}" names another archive of image ${id} than there is: expected sha256 ` +
      `${archive.sha256} (${archive.size} bytes), actual ${sha256} (${size} bytes)`,
    {
      hint: `take the line "archive" out of recipes/${recipe}/lock.json, and the comma before it: save writes it again`,
      details: { recipe, expected: archive, actual: { sha256, size } },
    },
  )
}

function tooManyParts(size: number, split: number): StillroomError {
  const least = Math.ceil(size / MOST_PARTS / 1e6)
  return new StillroomError(
    'USAGE',
    `an archive of ${size} bytes would have ${Math.ceil(size / split)} parts of ${split} bytes, expected at most ${MOST_PARTS}`,
    { hint: `make the parts larger: --split ${least}MB` },
  )
}
