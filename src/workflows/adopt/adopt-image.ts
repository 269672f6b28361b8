import { readFile, writeFile } from 'node:fs/promises'
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
import { type DraftedImage, type DraftImageOptions, draftImage } from '../../adopt/image/draft-image.ts'
import type { ImageNote } from '../../adopt/image/image-note.ts'
import { auditImage } from '../../audit/audit-image.ts'
import type { AuditReport } from '../../audit/audit-report.ts'
import { credentialIn } from '../../audit/credentials.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import { commitContainer } from '../../engine/commit-container.ts'
import { connectEngine } from '../../engine/connect.ts'
import { removeImage } from '../../engine/find-image.ts'
import { StillroomError, unlessMissing } from '../../error.ts'
import type { FileTree } from '../../image/file-tree.ts'
import { isPath, type LocatedImage, locateImage } from '../../image/open-image.ts'
import { unescapeBytes } from '../../image/tree-digest.ts'
import { makeDirectory, writing } from '../../store/disk.ts'
import { readSubject, withInventory } from '../audit/read-subject.ts'
import { buildRecipe } from '../build/build-recipe.ts'
import { lockGit } from '../lock/git-sources.ts'
import { lockRecipe } from '../lock/lock-recipe.ts'
import { lockPath } from '../project/lock-file.ts'
import { registryImages } from '../registry-images.ts'
import type { Session } from '../session.ts'
import { chooseImageBase } from './choose-image-base.ts'
import { newRecipePlace } from './new-recipe-place.ts'
import { pastSession } from './past-session.ts'
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

interface Subject {
  original: ImageSubject
  located: LocatedImage
  close(): Promise<void>
}

/** Reads an image, or the one that is made of a container of that name, for as long as it is needed. */
async function openSubject(session: Session, what: string): Promise<Subject> {
  try {
    return await readLocated(session, what)
  } catch (error) {
    if (!(error instanceof StillroomError) || error.code !== 'IMAGE_MISSING' || isPath(what)) throw error
    const engine = await connectEngine(session)
    const image = await commitContainer(engine, what)
    if (image === undefined) throw error
    const remove = () => removeImage(engine, image)
    try {
      const subject = await readLocated(session, image)
      const original = { ...subject.original, reference: what }
      return { ...subject, original, close: () => subject.close().finally(remove) }
    } catch (worse) {
      await remove()
      throw worse
    }
  }
}

async function readLocated(session: Session, what: string): Promise<Subject> {
  const located = await locateImage(session, what, { registry: registryImages(session), platform: PLATFORM })
  try {
    return { original: await readImage(located), located, close: () => located.close() }
  } catch (error) {
    await located.close()
    throw error
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
  for (const [index, step] of first.recipe.steps.entries()) {
    if (step.kind !== 'git') continue
    try {
      await lockGit(session, step)
    } catch (error) {
      refused.set(first.places[index] ?? '', reasonOf(session, error))
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
async function rebuild(today: Session, about: About, draft: Draft, limit: number): Promise<Made> {
  const { original, audit, place } = about
  const repository = await ScratchRepository.make(today, place)
  try {
    const { drafted, built: first, session } = await buildFirst(today, about, draft, repository)
    const withheld = credentialsOf(audit, original.tree)
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
    const notes = [...drafted.notes, ...notesOfLimit(repairs, limit)]
    return { drafted: { ...drafted, notes }, files, comparison, built: { id: second.id, tag: second.tag } }
  } finally {
    await repository.remove()
  }
}

/** How to have carried what is too much by default. */
function notesOfLimit({ carry }: Repairs, limit: number): ImageNote[] {
  const bytes = carry.reduce((sum, { inode }) => sum + inode.size, 0)
  if (bytes <= limit) return []
  const megabytes = Math.ceil(bytes / 1e6)
  return [
    {
      kind: 'todo',
      text: `${megabytes} MB are in no package, and --carry allows ${Math.floor(limit / 1e6)}: data belongs beside the image; programs may come from an image that has them (--base)`,
      next: `--carry ${Math.min(megabytes, 512)}`,
    },
  ]
}

interface Built {
  /** The date of the newest index that is locked. */
  indexes: Date
  id: string
  tag: string
  image: ImageSubject
}

/** The image of the steps alone. What cannot be locked is left out of the draft, and carried later. */
async function buildFirst(
  today: Session,
  { name, place, original }: About,
  { drafted: first, options }: Draft,
  repository: ScratchRepository,
): Promise<{ drafted: DraftedImage; built: Built; session: Session }> {
  let session = today
  let drafted = first
  let limits = options
  const day = installedOn(original.tree)
  let past = day && (await pastSession(today, day))
  const notes: ImageNote[] = []
  const ended = (built: Built) => ({
    drafted: { ...drafted, notes: [...notes, ...drafted.notes] },
    built,
    session,
  })
  for (;;) {
    await writeFiles(place, new Map([['recipe.ts', drafted.source], ...drafted.files]))
    await writeFiles(place, carriedFiles([], [], []))
    await repository.commit()
    try {
      const built = await lockAndBuild(session, name)
      // indexes of today that are no newer than the image are those of its day
      if (past === undefined || day === undefined || built.indexes <= day) return ended(built)
      const others = otherVersions(original, built.image)
      if (others === 0) return ended(built)
      const then = day.toISOString().slice(0, 10)
      const older = await inPast(session, past, name)
      if (typeof older !== 'string' && otherVersions(original, older.image) < others) {
        notes.push({ kind: 'note', text: `packages of Debian are those of ${then}, by the snapshot service` })
        session = past
        return ended(older)
      }
      if (typeof older === 'string')
        notes.push({
          kind: 'todo',
          text: `${others} packages of Debian are in other versions, as those of ${then} cannot be had: ${older}`,
        })
      return ended(typeof older === 'string' ? built : await lockAndBuild(session, name, 'all'))
    } catch (error) {
      const reason = reasonOf(session, error)
      if (past !== undefined && session !== past && /^APT_.*_UNKNOWN$/.test((error as StillroomError).code)) {
        // dropped since, perhaps
        const older = await inPast(session, past, name)
        if (typeof older !== 'string') {
          session = past
          return ended(older)
        }
        past = undefined
      }
      const narrower = withoutRefused(limits, drafted, error as StillroomError, reason)
      if (narrower === undefined) throw error
      if (narrower.note !== undefined) notes.push(narrower.note)
      limits = narrower.limits
      drafted = draftImage(original, limits)
    }
  }
}

/** Locks and builds by the indexes of another day; the reason when these cannot be had, and then all is as it was. */
async function inPast(session: Session, past: Session, name: string): Promise<Built | string> {
  const path = lockPath(session.directory, name)
  const present = await readFile(path).catch(unlessMissing)
  try {
    return await lockAndBuild(past, name, 'all')
  } catch (error) {
    const reason = reasonOf(session, error)
    if (present !== undefined) await writing(path, () => writeFile(path, present))
    return reason
  }
}

/** When packages of Debian were last installed, by the times of dpkg's lists of their files. */
function installedOn(tree: FileTree): Date | undefined {
  const directory = 'var/lib/dpkg/info'
  const times = tree
    .list(directory)
    .filter((name) => name.endsWith('.list'))
    .map((name) => tree.find(`${directory}/${name}`)?.inode.mtime ?? 0)
  const newest = times.reduce((a, b) => Math.max(a, b), 0)
  return newest === 0 ? undefined : new Date(newest * 1000)
}

/** How many packages of Debian two images have in different versions. */
function otherVersions(original: ImageSubject, built: ImageSubject): number {
  const debs = ({ inventory }: ImageSubject) => inventory.packages.filter(({ kind }) => kind === 'deb')
  const versions = new Map(debs(built).map(({ name, version }) => [name, version]))
  return debs(original).filter(({ name, version }) => (versions.get(name) ?? version) !== version).length
}

/** What a draft must do without, when it cannot be locked; undefined when that is no fault of what it asks for. */
function withoutRefused(
  limits: DraftImageOptions,
  { places }: DraftedImage,
  { code, details }: StillroomError,
  reason: string,
): { limits: DraftImageOptions; note?: ImageNote } | undefined {
  const { refused = new Map(), unknown = new Set(), unknownPython = new Set(), sources = new Set() } = limits
  if (/^APT_(PACKAGE|VERSION)_UNKNOWN$/.test(code)) {
    const names = ((details?.packages ?? []) as { name: string }[]).map((each) => each.name)
    if (names.every((each) => unknown.has(each))) return undefined
    const note: ImageNote = {
      kind: 'todo',
      text: `Debian's archive has no ${names.join(', ')}: what they brought is carried; or name the archive that has them, and ask for them`,
      next: 'archives: [aptArchive({ url, suite, components, key })] in the recipe',
    }
    return { limits: { ...limits, unknown: new Set([...unknown, ...names]) }, note }
  }
  if (!code.startsWith('PIP_')) return undefined
  const environment = places[Number(details?.step)] ?? ''
  const blamed = ((details?.blamed ?? []) as string[]).filter((each) => !unknownPython.has(each))
  if (code === 'PIP_PACKAGE_UNKNOWN' && blamed.length > 0) {
    const asSource = blamed.filter((each) => !sources.has(each))
    if (asSource.length > 0) return { limits: { ...limits, sources: new Set([...sources, ...asSource]) } }
    const note: ImageNote = {
      kind: 'todo',
      text: `no index has the Python packages ${blamed.join(', ')} in these versions: their files are carried`,
    }
    return { limits: { ...limits, unknownPython: new Set([...unknownPython, ...blamed]) }, note }
  }
  if (environment === '' || refused.has(environment)) return undefined
  return { limits: { ...limits, refused: new Map([...refused, [environment, reason]]) } }
}

async function lockAndBuild(session: Session, name: string, upgrade?: 'all'): Promise<Built> {
  const { lock } = await lockRecipe(session, name, { upgrade })
  const indexes = new Date((lock.platforms[PLATFORM]?.epoch ?? 0) * 1000)
  const { tag, image } = await buildRecipe(session, name, { audit: false, noCache: false })
  session.progress({ kind: 'stage', title: `reading ${tag}` })
  const located = await locateImage(session, tag, { platform: PLATFORM })
  try {
    return { indexes, id: image.id, tag, image: await readImage(located) }
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

/** Files that hold credentials, by path below the root; those of layers below that are no more in the tree are not. */
function credentialsOf({ findings }: AuditReport, tree: FileTree): Map<string, string> {
  const found = new Map<string, string>()
  for (const { rule, subject } of findings) {
    if (rule !== 'credential' || !subject.startsWith('/')) continue
    const path = unescapeBytes(subject.slice(1))
    const inode = tree.findLink(path)?.inode
    const what = inode && credentialIn(path, inode)
    if (what !== undefined && !ACCOUNT_FILES.has(path)) found.set(path, `it holds ${what}`)
  }
  return found
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
