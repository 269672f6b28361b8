import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import { readConfig } from '../../audit/compare/compare-config.ts'
import { definitionFile } from '../../dockerfile/sif/definition-file.ts'
import { type SifSettings, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import { connectEngine } from '../../engine/connect.ts'
import { packSquashfs } from '../../engine/pack-squashfs.ts'
import { StillroomError } from '../../error.ts'
import { imageInvalid } from '../../formats/image-invalid.ts'
import { sifHead } from '../../formats/sif/write-sif.ts'
import { flatTar } from '../../image/flat-tar.ts'
import { readImageLayout } from '../../image/image-tree.ts'
import { openArchive } from '../../image/open-image.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { writableImage } from '../../image/writable-image.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage, LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { type Hashed, writeFileAtomic } from '../../store/disk.ts'
import { writeHashed } from '../../store/write-hashed.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Fetching, Project, Reporting } from '../ports.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock, writeLock } from '../project/lock-file.ts'
import { spoolImage } from '../save/spooled-image.ts'
import { PACKER } from './locked-packer.ts'
import { withPacker } from './with-packer.ts'

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

/** Changes with how a SIF is put together. */
const FORMAT = 1

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
  const { signal, progress, directory } = ports
  const lock = await requireLock(directory, name)
  const recorded = recordedRecipe(lock)
  const locked = lockedPlatform(lock, recorded)
  const { recipe } = await loadRecipe(directory, name)
  const engine = await connectEngine(ports)
  const { id, reference } = await requireLockedImage(ports, engine, name, locked)
  const image = locked.image as LockedImage

  progress({ kind: 'stage', title: `reading image ${id} from the engine` })
  const path = resolve(file)
  await using spooled = await spoolImage(ports, engine, reference, path)
  const open = await openArchive(spooled.path)
  if (open === undefined) throw imageInvalid('The engine saved an archive that is not sound')
  const tree = await readImageLayout(open, { signal })
  if (tree.id !== id) throw imageInvalid(`The engine saved image ${tree.id} when asked for ${id}`)
  const digest = treeDigest(tree.root)
  if (digest !== image.tree)
    throw imageInvalid(
      `Image ${id} has another tree than its lockfile says: expected ${image.tree}, actual ${digest}`,
    )
  const { layers } = await writableImage(open, { signal })

  const settings: SifSettings = { ...readConfig(tree.config), tasks: recipe.tasks }
  const text = definitionFile(settings, { recipe: name, image: id })
  const inner = serializeLock(withImage(lock, recorded.platform, locked, bareImage(image)))
  const files = sifFiles(settings)
  const inputs = hash(
    'sha256',
    JSON.stringify([
      FORMAT,
      image.tree,
      text,
      inner,
      PACKER,
      files.map((each) => ({ ...each, content: each.content.toString() })),
    ]),
  )
  progress({ kind: 'stage', title: 'packing' })
  const added = files.map((each) => ({ ...each, mtime: locked.epoch }))
  const archive = flatTar(
    layers.map(({ read }) => read),
    tree.root,
    added,
  )
  const written = await withPacker(ports, engine, (packer) =>
    packSquashfs(engine, packer, archive, signal, (size, squashfs) => {
      progress({ kind: 'stage', title: `writing ${file}` })
      const head = sifHead({
        architecture: tree.config.architecture,
        id: identifier(image.tree, inputs),
        time: locked.epoch,
        documents: [
          { kind: 'definition', name: `${name}.def`, content: Buffer.from(text) },
          { kind: 'json', name: 'stillroom-lock.json', content: Buffer.from(inner) },
        ],
        squashfs: size,
      })
      const all = async function* () {
        yield head
        yield* squashfs
      }
      return writeHashed(signal, path, all(), { verify: (whole) => requireSum(name, image, inputs, whole) })
    }),
  )
  if (definition !== undefined) await writeFileAtomic(resolve(definition), text)
  const { sha256, size } = written
  const noted = image.sif?.inputs !== inputs
  if (noted) {
    const tasks = Object.fromEntries(
      Object.entries(recipe.tasks).map(([task, { command, workdir }]) => [
        task,
        { command, ...(workdir && { workdir }) },
      ]),
    )
    await writeLock(
      directory,
      name,
      withImage(lock, recorded.platform, locked, { ...image, sif: { sha256, size, inputs, tasks } }),
    )
  }
  const tasks = Object.keys(recipe.tasks).sort()
  return { recipe: name, image: id, file, size, sha256, tasks, definition: definition ?? null, noted }
}

function withImage(lock: Lockfile, platform: string, locked: LockedPlatform, image: LockedImage): Lockfile {
  return { ...lock, platforms: { ...lock.platforms, [platform]: { ...locked, image } } }
}

/** Without the sums of what is made of the image: a file can't have its own. */
function bareImage({ id, tree, size, diffIDs }: LockedImage): LockedImage {
  return { id, tree, size, diffIDs }
}

/** A UUID of version 8 (RFC 9562), which says what it is of. */
function identifier(tree: string, inputs: string): Buffer {
  const bytes = hash('sha256', `${tree} ${inputs}`, 'buffer').subarray(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes
}

function requireSum(
  recipe: string,
  { id, sif }: LockedImage,
  inputs: string,
  { sha256, size }: Hashed,
): void {
  if (sif?.inputs !== inputs || (sif.sha256 === sha256 && sif.size === size)) return
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
