import { ACCOUNT_FILES, mergeAccounts } from '../../adopt/image/accounts.ts'
import { type CarriedFile, carriedFiles } from '../../adopt/image/carried-files.ts'
import { changesPatch } from '../../adopt/image/changes-patch.ts'
import { chooseCarried, withinLimit } from '../../adopt/image/choose-carried.ts'
import {
  type CompareRebuiltOptions,
  compareRebuilt,
  type RebuiltComparison,
  type Repairs,
} from '../../adopt/image/compare-rebuilt.ts'
import type { DraftedImage } from '../../adopt/image/draft-image.ts'
import type { ImageNote } from '../../adopt/image/image-note.ts'
import type { AuditResult } from '../../audit/audit-report.ts'
import { credentialIn } from '../../audit/credentials.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import type { FileTree } from '../../image/file-tree.ts'
import { type LocatedImage, openImage } from '../../image/open-image.ts'
import { unescapeBytes } from '../../image/tree-digest.ts'
import type { Session } from '../session.ts'
import { PLATFORM } from './adopted-subject.ts'
import { type Built, buildDraft, type Draft, lockAndBuild, writeFiles } from './build-draft.ts'
import { ScratchRepository } from './scratch-repository.ts'

/** What was made of a draft. */
export interface Made {
  drafted: DraftedImage
  /** Beside the recipe. */
  files: string[]
  comparison: RebuiltComparison | null
  /** Its ID, and what the engine calls it. */
  built: { id: string; tag: string } | null
}

/** What is adopted, and where its recipe is. */
export interface About {
  original: ImageSubject
  audit: AuditResult
  located: LocatedImage
  place: string
  name: string
}

/** Locks and builds what the steps bring, then once more with what they don't. */
export async function rebuild(today: Session, about: About, draft: Draft, limit: number): Promise<Made> {
  const { original, audit, place } = about
  const repository = await ScratchRepository.make(today, place)
  try {
    const { drafted, built: first, session } = await buildDraft(today, about, draft, repository)
    const withheld = credentialsOf(audit, original.tree)
    const found = foundPaths(audit)
    const options: CompareRebuiltOptions = {
      isFound: (path) => found.has(path),
      clones: drafted.clones,
      withheld,
    }
    const { repairs } = compareRebuilt(original, first.image, options)
    const chosen = await contentsOf(about, repairs, limit, drafted, first.image)
    const archive = carriedFiles(chosen.carried, repairs)
    const patch = await patchOf(session, chosen.carried, first)
    await writeFiles(place, archive)
    await writeFiles(place, patch)
    await repository.commit()
    const second = await lockAndBuild(session, about.name, { audit: true })
    const { comparison } = compareRebuilt(original, second.image, {
      ...options,
      withheld: new Map([...withheld, ...chosen.withheld]),
      carried: new Set(chosen.carried.map(({ path }) => path)),
      left: chosen.left,
    })
    const files = ['recipe.ts', ...drafted.files.keys(), ...archive.keys(), ...patch.keys(), 'lock.json']
    const notes = [
      ...drafted.notes,
      ...notesOfLimit(repairs, limit),
      ...notesOfSecrets(comparison, second.tag),
      ...notesOfAudit(second, about.name),
    ]
    return { drafted: { ...drafted, notes }, files, comparison, built: { id: second.id, tag: second.tag } }
  } catch (error) {
    const text = `the draft so far is in recipes/${about.name}; to begin anew: rm -r recipes/${about.name}`
    today.progress({ kind: 'note', text })
    throw error
  } finally {
    await repository.remove()
  }
}

/** What to do about files that are left out for what they hold. */
function notesOfSecrets({ withheld }: RebuiltComparison, tag: string): ImageNote[] {
  const [first] = withheld
  if (first === undefined) return []
  return [
    {
      kind: 'todo',
      text: `${withheld.length === 1 ? 'a file with a credential is' : `${withheld.length} files with credentials are`} withheld: whoever had the old image has them, so withdraw them; a container is given new ones when it is started`,
      next: `docker run --volume "$PWD/secret:${first.path}:ro" ${tag}`,
    },
  ]
}

/** What audits of the new image find, with each build: that a step moved packages, or that the archive has some, no lock says. */
function notesOfAudit({ findings }: Built, name: string): ImageNote[] {
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return []
  const rules = [...new Set(errors.map(({ rule }) => rule))].sort()
  const counts = rules.map((each) => `${each} ${errors.filter(({ rule }) => rule === each).length}`)
  return [
    {
      kind: 'todo',
      text: `its audit has findings (${counts.join(', ')}): look at them, and except what is as you want it in stillroom.config.ts (docs/audit.md)`,
      next: `stillroom audit recipe ${name}`,
    },
  ]
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

/** What an audit without a lock found in files: paths as findings show them. */
function foundPaths({ files, findings }: AuditResult): Set<string> {
  return new Set([
    ...[...files.unexplained, ...files.modified].map(({ path }) => path),
    ...findings.filter(({ subject }) => subject.startsWith('/')).map(({ subject }) => subject),
  ])
}

/** Files that hold credentials, by path below the root; those of layers below that are no more in the tree are not. */
function credentialsOf({ findings }: AuditResult, tree: FileTree): Map<string, string> {
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

/** A patch of what was changed in files that steps bring, for people to read: the archive has these files whole. */
async function patchOf(
  session: Session,
  carried: readonly CarriedFile[],
  { tag, image }: Built,
): Promise<Map<string, string>> {
  const isThere = ({ path, inode }: CarriedFile) =>
    inode.type === 'file' && image.tree.findLink(path)?.inode.type === 'file' && !ACCOUNT_FILES.has(path)
  const changed = carried.filter(isThere)
  if (changed.length === 0) return new Map()
  const wanted = new Set(changed.map(({ path }) => image.tree.findLink(path)?.path))
  const built = await openImage(session, tag, {
    platform: PLATFORM,
    keep: (path) => wanted.has(path),
    sha256: false,
  })
  const text = changesPatch(
    changed.flatMap(({ path, content }) => {
      const before = built.tree.read(path)
      return before === undefined || content === undefined ? [] : [{ path, before, after: content }]
    }),
  )
  return new Map(text === '' ? [] : [['changes.patch', text]])
}
