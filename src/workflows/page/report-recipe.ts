import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AuditResult } from '../../audit/audit-report.ts'
import { type ImageFile, ownFiles } from '../../audit/own-files.ts'
import { StillroomError } from '../../error.ts'
import { FileTree } from '../../image/file-tree.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage, LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { renderSbom, SBOM_FORMATS } from '../../report/audit-formats.ts'
import type { RecipePage } from '../../report/recipe-page/recipe-page.ts'
import { renderRecipePage } from '../../report/recipe-page/render-recipe-page.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import { auditRecipe, type OnRead } from '../audit/audit-recipe.ts'
import { readLockedContents } from '../audit/read-locked-contents.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, lockPath, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { readLockedTree } from '../store/locked-tree.ts'
import { readHistory } from '../verify/history-files.ts'

export interface RecipePageResult {
  /** The file that was written. */
  page: string
  recipe: string
  /** The image ID. */
  image: string
  /** Where sizes and owners come from. */
  from: 'image' | 'locked-tree'
  /** Regular files of the image; one with several names counts once. */
  files: number
  /** Of these files. */
  bytes: number
  /** Of the audit; null when the image was not at hand. */
  verdict: AuditResult['verdict'] | null
  /** Verification runs of the recipe in the history. */
  runs: number
  /** Lines of the history that could not be read. */
  problems: number
}

/**
 * Writes a page about the image that a recipe's lockfile names: from the image, when the engine has it, or from its locked
 * tree in the store.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*; IMAGE_MISSING when neither is at hand; those of reading images; DISK_FULL,
 *   NOT_WRITABLE
 */
export async function reportRecipe(
  session: Session,
  name: string,
  { history, output }: { history: string; output: string },
): Promise<RecipePageResult> {
  const lockfile = await requireLock(session.directory, name)
  const text = await readFile(lockPath(session.directory, name), 'utf8')
  const { recipe } = await loadRecipe(session.directory, name)
  const locked = requireImage(lockfile, lockedPlatform(lockfile, recipe))
  const { files, audit } = await readFiles(session, lockfile, locked)
  const kept = await readHistory(history)
  const runs = kept.history.runs.filter((run) => run.recipe === name)
  const { problems } = kept.history
  const { description, tasks } = recipe
  const page: RecipePage = {
    name,
    recipe: { ...recordedRecipe(lockfile), description, tasks },
    locked,
    lock: createHash('sha256').update(text).digest('hex'),
    files,
    audit,
    history: { runs, problems },
    downloads: [{ file: 'lock.json', title: 'the lockfile', text }, ...(await sboms(name, audit))],
  }
  await writeFileAtomic(output, renderRecipePage(page))
  return {
    page: output,
    recipe: name,
    image: locked.image.id,
    from: audit === undefined ? 'locked-tree' : 'image',
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    verdict: audit?.verdict ?? null,
    runs: runs.length,
    problems: problems.length,
  }
}

type WithImage = LockedPlatform & { image: LockedImage }

function requireImage({ recipe }: Lockfile, locked: LockedPlatform): WithImage {
  const { image } = locked
  if (image !== null) return { ...locked, image }
  throw new StillroomError(
    'IMAGE_MISSING',
    `the lockfile of recipe "${recipe}" names no image: it was never built`,
    { hint: `build it: stillroom build recipe ${recipe}` },
  )
}

interface Read {
  files: ImageFile[]
  audit?: AuditResult
}

/** The files of the locked image, and its audit; of the locked tree when the engine has not that image. */
async function readFiles(session: Session, lockfile: Lockfile, locked: WithImage): Promise<Read> {
  const name = lockfile.recipe
  let files: ImageFile[] = []
  let reason: StillroomError
  try {
    const onRead: OnRead = (image, lock) => {
      if (image.digest === locked.image.tree) files = ownFiles(image, lock)
    }
    const audit = await auditRecipe(session, name, { onRead })
    if (audit.image.tree === locked.image.tree) return { files, audit }
    reason = new StillroomError(
      'IMAGE_MISSING',
      `the engine has another image of recipe "${name}": ${audit.image.id}`,
    )
  } catch (error) {
    const isMissing = error instanceof StillroomError && /^(IMAGE_MISSING|ENGINE_[A-Z_]+)$/.test(error.code)
    if (!isMissing || session.signal.aborted) throw error
    reason = error
  }
  const root = await readLockedTree(session, locked.image)
  if (root === undefined)
    throw new StillroomError(
      'IMAGE_MISSING',
      `cannot report on recipe "${name}": neither its image ${locked.image.id} nor the locked tree is at hand: ${reason.message}`,
      { hint: `build it: stillroom build recipe ${name}`, cause: reason },
    )
  session.progress({ kind: 'note', text: `from the locked tree, without an audit: ${reason.message}` })
  const recipe = recordedRecipe(lockfile)
  const contents = await readLockedContents(session, locked, session.directory, async () => {})
  const image = {
    reference: name,
    id: locked.image.id,
    config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [] } },
    layers: [],
    tree: new FileTree(root),
    inventory: { packages: [], problems: [] },
    covered: [],
  }
  return {
    files: ownFiles(image, { lockfile, platform: recipe.platform, locked, recipe, contents, layers: 0 }),
  }
}

/** The bills of materials that `audit recipe --sbom` writes. */
function sboms(name: string, audit: AuditResult | undefined): Promise<RecipePage['downloads']> {
  if (audit === undefined) return Promise.resolve([])
  const { created } = audit.image
  return Promise.all(
    SBOM_FORMATS.map(async (format) => ({
      file: `${name}.${format === 'cyclonedx' ? 'cdx' : 'spdx'}.json`,
      title: `bill of materials, ${format === 'cyclonedx' ? 'CycloneDX 1.6' : 'SPDX 2.3'}`,
      text: await renderSbom(audit, format, created === undefined ? {} : { created }),
    })),
  )
}
