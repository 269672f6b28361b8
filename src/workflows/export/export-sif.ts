import { resolve } from 'node:path'
import { PACKER } from '../../dockerfile/locked-programs.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { packSquashfs } from '../../engine/pack-squashfs.ts'
import { StillroomError } from '../../error.ts'
import { imageInvalid } from '../../formats/image-invalid.ts'
import { sifHead } from '../../formats/sif/write-sif.ts'
import { flatTar } from '../../image/flat-tar.ts'
import { type ImageTree, readImageLayout } from '../../image/image-tree.ts'
import { openArchive } from '../../image/open-image.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { writableImage } from '../../image/writable-image.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { type Hashed, writeFileAtomic } from '../../store/disk.ts'
import { writeHashed } from '../../store/write-hashed.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Cancellation, Fetching, Project, Reporting } from '../ports.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock, writeLock } from '../project/lock-file.ts'
import { type SpooledImage, spoolImage } from '../save/spooled-image.ts'
import { withPrograms } from '../with-programs.ts'
import { type LockToExport, planSif, type SifPlan, withSif } from './sif-plan.ts'

export interface SifResult {
  recipe: string
  /** The image ID. */
  image: string
  /** As it was named. */
  file: string
  size: number
  /** Of the file: the lockfile has it. */
  sha256: string
  /** Tasks of the recipe that the SIF has as apps. */
  tasks: string[]
  /** Where the definition file was written; null when none was asked for. */
  definition: string | null
  /** Whether the lockfile had no sum of such a SIF before. */
  noted: boolean
}

/**
 * Writes the locked image of a recipe to a SIF whose bytes follow from the image, the lockfile and the recipe's tasks: the
 * same on every machine. The lockfile names its sum, and what it was made of: where that is the same and the sum is not,
 * nothing is written.
 *
 * @param definition where to write a definition file, too
 * @throws {StillroomError} LOCK_*; IMAGE_MISSING when the engine lacks the image; IMAGE_INVALID; DISK_FULL, NOT_WRITABLE;
 *   those of fetching the packer; ENGINE_*, CONTAINER_FAILED
 */
export async function exportSif(
  ports: Project & Cache & Fetching & Reporting,
  name: string,
  file: string,
  { definition }: { definition?: string | undefined } = {},
): Promise<SifResult> {
  const { directory, progress } = ports
  const lock = await requireLock(directory, name)
  const { platform } = recordedRecipe(lock)
  const locked = lockedPlatform(lock, recordedRecipe(lock))
  const { recipe } = await loadRecipe(directory, name)
  const engine = await connectEngine(ports)
  const { id, reference } = await requireLockedImage(ports, engine, name, locked)
  const image = locked.image as LockedImage
  const of = { lock, platform, locked, image }

  progress({ kind: 'stage', title: `reading image ${id} from the engine` })
  await using spooled = await spoolImage(ports, engine, reference, resolve(file))
  const { tree, layers } = await readLocked(ports, spooled, image)
  const plan = planSif(of, recipe, tree.config)
  const { sha256, size } = await writeSif(ports, engine, { file, of, plan, tree, layers })
  if (definition !== undefined) await writeFileAtomic(resolve(definition), plan.definition)

  const noted = image.sif?.inputs !== plan.inputs
  if (noted) await writeLock(directory, name, withSif(of, recipe, { sha256, size, inputs: plan.inputs }))
  const tasks = Object.keys(recipe.tasks).sort()
  return { recipe: name, image: id, file, size, sha256, tasks, definition: definition ?? null, noted }
}

/** Archives of layers, lowest first. */
type Layers = (() => AsyncIterable<Uint8Array>)[]

/** What the engine saved, which is the locked image with the locked tree. */
async function readLocked(
  { signal }: Cancellation,
  spooled: SpooledImage,
  { id, tree: expected }: LockedImage,
): Promise<{ tree: ImageTree; layers: Layers }> {
  const open = await openArchive(spooled.path)
  if (open === undefined) throw imageInvalid('The engine saved an archive that is not sound')
  const tree = await readImageLayout(open, { signal })
  if (tree.id !== id) throw imageInvalid(`The engine saved image ${tree.id} when asked for ${id}`)
  const actual = treeDigest(tree.root)
  if (actual !== expected)
    throw imageInvalid(
      `Image ${id} has another tree than its lockfile says: expected ${expected}, actual ${actual}`,
    )
  const { layers } = await writableImage(open, { signal })
  return { tree, layers: layers.map(({ read }) => read) }
}

async function writeSif(
  ports: Cache & Fetching,
  engine: Engine,
  about: { file: string; of: LockToExport; plan: SifPlan; tree: ImageTree; layers: Layers },
): Promise<Hashed> {
  const { signal, progress } = ports
  const { file, of, plan, tree, layers } = about
  const { definition, lockText, files, id } = plan
  const time = of.locked.epoch
  const added = files.map((each) => ({ ...each, mtime: time }))
  progress({ kind: 'stage', title: 'packing the files of the image' })
  const write = async (size: number, squashfs: AsyncIterable<Uint8Array>) => {
    progress({ kind: 'stage', title: `writing ${file}` })
    const { architecture } = tree.config
    const documents = [
      { kind: 'definition' as const, name: `${of.lock.recipe}.def`, content: Buffer.from(definition) },
      { kind: 'json' as const, name: 'stillroom-lock.json', content: Buffer.from(lockText) },
    ]
    const all = async function* () {
      yield sifHead({ architecture, id, time, documents, squashfs: size })
      yield* squashfs
    }
    return writeHashed(signal, resolve(file), all(), { verify: (whole) => requireSum(of, plan, whole) })
  }
  return withPrograms(ports, engine, PACKER, (packer) =>
    packSquashfs(engine, packer, flatTar(layers, tree.root, added), signal, write),
  )
}

/** A SIF follows from what it is made of: another sum of the same is a wrong lock. */
function requireSum(
  { lock: { recipe }, image: { id, sif } }: LockToExport,
  plan: SifPlan,
  whole: Hashed,
): void {
  const { sha256, size } = whole
  if (sif?.inputs !== plan.inputs || (sif.sha256 === sha256 && sif.size === size)) return
  throw new StillroomError(
    'LOCK_INVALID',
    `the lockfile of recipe "${recipe}" names another SIF of image ${id} than was made of the same: expected sha256 ` +
      `${sif.sha256} (${sif.size} bytes), actual ${sha256} (${size} bytes)`,
    {
      hint: `take the line "sif" out of recipes/${recipe}/lock.json, and the comma before it: export writes it again`,
      details: { recipe, expected: { sha256: sif.sha256, size: sif.size }, actual: { sha256, size } },
    },
  )
}
