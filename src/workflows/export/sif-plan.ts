import { hash } from 'node:crypto'
import { readConfig } from '../../audit/compare/compare-config.ts'
import { PACKER } from '../../dockerfile/locked-programs.ts'
import { definitionFile } from '../../dockerfile/sif/definition-file.ts'
import { type SifFile, type SifSettings, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import type { ImageConfig } from '../../formats/oci.ts'
import type { LockedImage, LockedPlatform, LockedSif, Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import type { Recipe } from '../../recipe/schema.ts'

/** Changes with how a SIF is put together. */
const FORMAT = 1

/** A lock whose image is made into a SIF. */
export interface LockToExport {
  lock: Lockfile
  platform: string
  locked: LockedPlatform
  image: LockedImage
}

/** All that a SIF is made of beside the files of the image; the same for the same lock, recipe and config. */
export interface SifPlan {
  definition: string
  /** The lockfile without sums of what is made of the image: a file can't have its own. */
  lockText: string
  files: SifFile[]
  /** sha256 of all of it, of the image's tree and of the packer. */
  inputs: string
  /** A UUID of version 8 (RFC 9562). */
  id: Buffer
}

export function planSif(of: LockToExport, recipe: Recipe, config: ImageConfig): SifPlan {
  const { id, tree, size, diffIDs } = of.image
  const settings: SifSettings = { ...readConfig(config), tasks: recipe.tasks }
  const definition = definitionFile(settings, { recipe: of.lock.recipe, image: id })
  const lockText = serializeLock(withImage(of, { id, tree, size, diffIDs }))
  const files = sifFiles(settings)
  const contents = files.map((file) => ({ ...file, content: file.content.toString() }))
  const inputs = hash('sha256', JSON.stringify([FORMAT, tree, definition, lockText, contents, PACKER]))
  return { definition, lockText, files, inputs, id: identifier(inputs) }
}

/** The lock with the sum of a SIF of its image. */
export function withSif(of: LockToExport, recipe: Recipe, sif: Omit<LockedSif, 'tasks'>): Lockfile {
  const tasks = Object.entries(recipe.tasks).map(([name, { command, workdir }]) => [
    name,
    { command, ...(workdir && { workdir }) },
  ])
  return withImage(of, { ...of.image, sif: { ...sif, tasks: Object.fromEntries(tasks) } })
}

function withImage({ lock, platform, locked }: LockToExport, image: LockedImage): Lockfile {
  return { ...lock, platforms: { ...lock.platforms, [platform]: { ...locked, image } } }
}

function identifier(inputs: string): Buffer {
  const bytes = Buffer.from(inputs.slice(0, 32), 'hex')
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes
}
