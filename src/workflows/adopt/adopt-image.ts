import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ACCOUNT_FILES, mergeAccounts } from '../../adopt/image/accounts.ts'
import { type CarriedFile, carriedFiles } from '../../adopt/image/carried-files.ts'
import { chooseCarried, withinLimit } from '../../adopt/image/choose-carried.ts'
import {
  type CompareRebuiltOptions,
  compareRebuilt,
  type RebuiltComparison,
  type Repairs,
} from '../../adopt/image/compare-rebuilt.ts'
import {
  type DraftedImage,
  type DraftImageOptions,
  draftImage,
  type ImageNote,
  stepKey,
} from '../../adopt/image/draft-image.ts'
import { auditImage } from '../../audit/audit-image.ts'
import type { AuditReport } from '../../audit/audit-report.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import { StillroomError } from '../../error.ts'
import { type LocatedImage, locateImage } from '../../image/open-image.ts'
import { unescapeBytes } from '../../image/tree-digest.ts'
import { makeDirectory, writing } from '../../store/disk.ts'
import { readSubject, withInventory } from '../audit/read-subject.ts'
import { buildRecipe } from '../build/build-recipe.ts'
import { lockGit } from '../lock/git-sources.ts'
import { lockRecipe } from '../lock/lock-recipe.ts'
import { registryImages } from '../registry-images.ts'
import type { Session } from '../session.ts'
import { chooseImageBase } from './choose-image-base.ts'
import { newRecipePlace } from './new-recipe-place.ts'
import { ScratchRepository } from './scratch-repository.ts'

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

/** Reading for an audit of its own, of every layer. */
const READING = { cache: undefined, md5: true }
const PLATFORM = 'linux/amd64'

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
  const registry = registryImages(session)
  const located = await locateImage(session, what, { registry, platform: PLATFORM })
  try {
    progress({ kind: 'stage', title: `reading ${what}` })
    const original = await readImage(located)
    const audit = auditImage(original, undefined, { ignore: [], today: '1970-01-01' })
    const chosen = await chooseImageBase(session, original, options.base)
    const about = { original, audit, located, place, name }
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
    await located.close()
  }
}

function nextCommands(name: string, what: string, { build }: AdoptImageOptions): string[] {
  const commit = `git add recipes/${name} generated/${name} && git commit --message 'Adopt ${name}'`
  return build
    ? [commit, `stillroom build recipe ${name} --twice`, `stillroom diff images ${what} stillroom/${name}`]
    : [`stillroom lock recipe ${name}`, `stillroom build recipe ${name} --twice`]
}

async function readImage(located: LocatedImage): Promise<ImageSubject> {
  return withInventory(located, await readSubject(located, READING), READING)
}

/** A draft, and how it came about. */
interface Draft {
  drafted: DraftedImage
  original: ImageSubject
  options: DraftImageOptions
}

/** A draft whose clones can be had: each is asked for, as its remote may be gone, or want a login that this machine has not. */
async function draftLockable(
  session: Session,
  original: ImageSubject,
  options: DraftImageOptions,
): Promise<Draft> {
  const refused = new Map(options.refused)
  const first = draftImage(original, options)
  if (!options.carries) return { drafted: first, original, options }
  for (const step of first.recipe.steps) {
    if (step.kind !== 'git') continue
    try {
      await lockGit(session, step)
    } catch (error) {
      refused.set(stepKey(step), reasonOf(session, error))
    }
  }
  return refused.size === 0
    ? { drafted: first, original, options }
    : { drafted: draftImage(original, { ...options, refused }), original, options: { ...options, refused } }
}

/** Why a step cannot be locked, in one line. @throws what is no fault of the step */
function reasonOf({ signal }: Session, error: unknown): string {
  if (!(error instanceof StillroomError) || signal.aborted || error.code === 'INTERRUPTED') throw error
  return error.message.split('\n', 1)[0] ?? ''
}

interface Made {
  drafted: DraftedImage
  /** Beside the recipe. */
  files: string[]
  comparison: RebuiltComparison | null
  built: AdoptedImage['built']
}

/** Writes a draft that nothing is built of. */
async function writeDraft(place: string, drafted: DraftedImage): Promise<Made> {
  const files = new Map([['recipe.ts', drafted.source], ...drafted.files])
  await writeFiles(place, files)
  return { drafted, files: [...files.keys()], comparison: null, built: null }
}

async function writeFiles(place: string, files: ReadonlyMap<string, string | Buffer>): Promise<void> {
  for (const [path, content] of files) {
    const target = join(place, path)
    await writing(target, () => makeDirectory(dirname(target)))
    await writing(target, () => writeFile(target, content))
  }
}

interface About {
  original: ImageSubject
  audit: AuditReport
  located: LocatedImage
  place: string
  name: string
}

/** Locks and builds what the steps bring, then once more with what they don't. */
async function rebuild(session: Session, about: About, draft: Draft, limit: number): Promise<Made> {
  const { original, audit, place } = about
  const repository = await ScratchRepository.make(session, place)
  try {
    const { drafted, built: first } = await buildFirst(session, about, draft, repository)
    const withheld = credentialsOf(audit)
    const found = foundPaths(audit)
    const options: CompareRebuiltOptions = {
      isFound: (path) => found.has(path),
      clones: drafted.clones,
      withheld,
    }
    const { repairs } = compareRebuilt(original, first.image, options)
    const chosen = await contentsOf(about, repairs, limit, drafted, first.image)
    const archive = carriedFiles(chosen.carried, repairs.remove, repairs.attributes)
    await writeFiles(place, archive)
    await repository.commit()
    const second = await lockAndBuild(session, about.name)
    const { comparison } = compareRebuilt(original, second.image, {
      ...options,
      withheld: new Map([...withheld, ...chosen.withheld]),
      carried: new Set(chosen.carried.map(({ path }) => path)),
      left: chosen.left,
    })
    const files = ['recipe.ts', ...drafted.files.keys(), ...archive.keys(), 'lock.json']
    return { drafted, files, comparison, built: { id: second.id, tag: second.tag } }
  } finally {
    await repository.remove()
  }
}

interface Built {
  id: string
  tag: string
  image: ImageSubject
}

/** The image of the steps alone. What cannot be locked is left out of the draft, and carried later. */
async function buildFirst(
  session: Session,
  { name, place, original }: About,
  { drafted: first, options }: Draft,
  repository: ScratchRepository,
): Promise<{ drafted: DraftedImage; built: Built }> {
  let drafted = first
  const refused = new Map(options.refused)
  const unknown = new Set(options.unknown)
  const refusals: ImageNote[] = []
  for (;;) {
    await writeFiles(place, new Map([['recipe.ts', drafted.source], ...drafted.files]))
    await writeFiles(place, carriedFiles([], [], []))
    await repository.commit()
    try {
      const built = await lockAndBuild(session, name)
      return { drafted: { ...drafted, notes: [...refusals, ...drafted.notes] }, built }
    } catch (error) {
      const reason = reasonOf(session, error)
      const { code, details } = error as StillroomError
      const names = (details?.packages as { name: string }[] | undefined)?.map((each) => each.name) ?? []
      if (/^APT_(PACKAGE|VERSION)_UNKNOWN$/.test(code) && names.some((each) => !unknown.has(each))) {
        for (const each of names) unknown.add(each)
        refusals.push({
          kind: 'todo',
          text: `Debian's archive has no ${names.join(', ')}: their files are carried; name the archive that has them, and ask for them`,
          next: 'archives: [aptArchive({ url, suite, components, key })] in the recipe',
        })
      } else if (code.startsWith('PIP_') && !refused.has('pip')) {
        refused.set('pip', reason)
        refusals.push({
          kind: 'todo',
          text: `the Python packages cannot be locked, and are carried: ${reason}`,
        })
      } else throw error
      drafted = draftImage(original, { ...options, refused, unknown })
    }
  }
}

async function lockAndBuild(session: Session, name: string): Promise<Built> {
  await lockRecipe(session, name, { upgrade: undefined })
  const { tag, image } = await buildRecipe(session, name, { audit: false, noCache: false })
  session.progress({ kind: 'stage', title: `reading ${tag}` })
  const located = await locateImage(session, tag, { platform: PLATFORM })
  try {
    return { id: image.id, tag, image: await readImage(located) }
  } finally {
    await located.close()
  }
}

/** What an audit without a lock found in files: paths as findings show them. */
function foundPaths({ files, findings }: AuditReport): Set<string> {
  return new Set([
    ...[...files.unexplained, ...files.modified].map(({ path }) => path),
    ...findings.filter(({ subject }) => subject.startsWith('/')).map(({ subject }) => subject),
  ])
}

/** Files that hold credentials, by path below the root. */
function credentialsOf({ findings }: AuditReport): Map<string, string> {
  const found = findings.filter(({ rule, subject }) => rule === 'credential' && subject.startsWith('/'))
  return new Map(
    found
      .map(({ subject, message }) => [unescapeBytes(subject.slice(1)), message] as const)
      .filter(([path]) => !ACCOUNT_FILES.has(path)),
  )
}

/** Reads what is to be carried, as far as it may be. */
async function contentsOf(
  { located, original }: About,
  { carry }: Repairs,
  limit: number,
  { notes }: DraftedImage,
  built: ImageSubject,
) {
  const { files, left } = withinLimit(carry, limit)
  const wanted = new Set(files.map(({ path }) => path))
  const { tree } = await located.read({ keep: (path) => wanted.has(path), sha256: false })
  const chosen = chooseCarried(files, (path) => tree.read(path))
  const carried = chosen.carried.map((file): CarriedFile => {
    if (!ACCOUNT_FILES.has(file.path)) return file
    const merged = mergeAccounts(
      file.path,
      original.tree.read(file.path) ?? Buffer.alloc(0),
      built.tree.read(file.path),
    )
    for (const account of merged.passwords)
      notes.push({ kind: 'todo', text: `the password of ${account} is withheld: the account has none` })
    return { ...file, content: merged.content }
  })
  return { carried, withheld: chosen.withheld, left: new Map([...left, ...chosen.left]) }
}
