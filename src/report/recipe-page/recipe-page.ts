import type { AuditResult } from '../../audit/audit-report.ts'
import type { ImageFile } from '../../audit/own-files.ts'
import type { LockedImage, LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { History } from '../../verify/history.ts'

/** All that a page says of a recipe's locked image; the same of it gives the same page. */
export interface RecipePage {
  name: string
  /** As recipe.ts has it; steps and settings as the lockfile recorded them. */
  recipe: Recipe
  locked: LockedPlatform & { image: LockedImage }
  /** sha256 of the lockfile's text, in hex. */
  lock: string
  /** Every regular file of the image. */
  files: readonly ImageFile[]
  /** Of the image; undefined when the sizes are those of the locked tree, and the image was not at hand. */
  audit: AuditResult | undefined
  /** Its `runs` are those of this recipe. */
  history: Pick<History, 'runs' | 'problems'>
  /** What can be downloaded from the page. */
  downloads: readonly { file: string; title: string; text: string }[]
}
