import { z } from 'zod'
import { Digest } from '../../formats/oci.ts'
import { Sha256 } from '../../lock/schema.ts'
import { Platform } from '../../recipe/schema.ts'
import { RECIPE_NAME } from '../project/list-recipes.ts'

export const ARCHIVE_VERSION = 1

/** The first member of an exported archive, below the directory that has the recipe's name. */
export const MANIFEST = 'manifest.json'

/** The locked tree of the image, without compression; an archive has it when the store had it. */
export const TREE = 'image/tree.jsonl'

/** What an exported archive holds; see docs/archive.md. */
export const ArchiveManifest = z.strictObject({
  archiveVersion: z.literal(ARCHIVE_VERSION),
  recipe: z.string().regex(RECIPE_NAME),
  platform: Platform,
  /** The image that the archive gives, when it has been recorded. */
  image: Digest.nullable(),
  /** Every other member, in the order of the archive. */
  files: z.array(
    z.strictObject({
      path: z
        .string()
        .regex(
          /^((recipe|context)\/(?!.*(^|\/)\.\.?(\/|$))[^\p{Cc}\\]+|image\/tree\.jsonl)$/u,
          'must be below recipe/ or context/',
        ),
      size: z.int().nonnegative(),
      sha256: Sha256,
    }),
  ),
})
export type ArchiveManifest = z.infer<typeof ArchiveManifest>
