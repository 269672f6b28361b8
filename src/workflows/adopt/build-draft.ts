import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { carriedFiles } from '../../adopt/image/carried-files.ts'
import { type DraftedImage, type DraftImageOptions, draftImage } from '../../adopt/image/draft-image.ts'
import type { ImageNote } from '../../adopt/image/image-note.ts'
import type { Finding } from '../../audit/finding.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import { StillroomError, unlessMissing } from '../../error.ts'
import type { FileTree } from '../../image/file-tree.ts'
import { locateImage } from '../../image/open-image.ts'
import { makeDirectory, writing } from '../../store/disk.ts'
import { buildRecipe } from '../build/build-recipe.ts'
import { lockGit } from '../lock/git-sources.ts'
import { lockRecipe } from '../lock/lock-recipe.ts'
import { lockPath } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { PLATFORM, readImage } from './adopted-subject.ts'
import { pastSession } from './past-session.ts'
import type { ScratchRepository } from './scratch-repository.ts'

/** A draft, and how it came about. */
export interface Draft {
  drafted: DraftedImage
  original: ImageSubject
  options: DraftImageOptions
}

/** A draft whose clones can be had: each is asked for, as its remote may be gone, or want a login that this machine has not. */
export async function draftLockable(
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

/** What was built of a recipe. */
export interface Built {
  /** The date of the newest index that is locked. */
  indexes: Date
  id: string
  tag: string
  image: ImageSubject
  /** Of its audit, when one was wanted. */
  findings: readonly Finding[]
}

/** The image of the steps alone. What cannot be locked is left out of the draft, and carried later. */
export async function buildDraft(
  today: Session,
  { name, place }: { name: string; place: string },
  { drafted: first, original, options }: Draft,
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
    await writeFiles(place, carriedFiles([], { copy: [], remove: [], attributes: [] }))
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
          text: `${others} of the packages of Debian are in other versions, as those of ${then} cannot be had: ${older}`,
        })
      return ended(typeof older === 'string' ? built : await lockAndBuild(session, name, { upgrade: 'all' }))
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
    return await lockAndBuild(past, name, { upgrade: 'all' })
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
  if (sources.size > 0 && limits.otherBuilders !== true) return { limits: { ...limits, otherBuilders: true } }
  return { limits: { ...limits, refused: new Map([...refused, [environment, reason]]) } }
}

/** Locks and builds a recipe, and reads its image. */
export async function lockAndBuild(
  session: Session,
  name: string,
  { upgrade, audit = false }: { upgrade?: 'all'; audit?: boolean } = {},
): Promise<Built> {
  // all anew may be of an earlier day
  const { lock } = await lockRecipe(session, name, { upgrade, olderIndexes: upgrade === 'all' })
  const indexes = new Date((lock.platforms[PLATFORM]?.epoch ?? 0) * 1000)
  const { tag, image, ...report } = await buildRecipe(session, name, { audit, noCache: false })
  session.progress({ kind: 'stage', title: `reading ${tag}` })
  const located = await locateImage(session, tag, { platform: PLATFORM })
  try {
    return {
      indexes,
      id: image.id,
      tag,
      image: await readImage(located),
      findings: report.audit?.findings ?? [],
    }
  } finally {
    await located.close()
  }
}

/** Writes files below a directory. @throws {StillroomError} NOT_WRITABLE, DISK_FULL */
export async function writeFiles(place: string, files: ReadonlyMap<string, string | Buffer>): Promise<void> {
  for (const [path, content] of files) {
    const target = join(place, path)
    await writing(target, () => makeDirectory(dirname(target)))
    await writing(target, () => writeFile(target, content))
  }
}
