import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { gitOriginPath, renderGitOrigin } from '../../dockerfile/git-origin.ts'
import { onBase } from '../../dockerfile/image-base.ts'
import { ownedDirectories, projectOwner } from '../../dockerfile/owned-directories.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { LockedCopy, LockedPlatform } from '../../lock/schema.ts'
import type { CopyStep, FileStep, GitStep, Recipe } from '../../recipe/schema.ts'
import { contentOf, type ExpectedFiles } from './expected-files.ts'
import type { ContentFile, LockedContents } from './locked-contents.ts'

/** What the steps of a recipe add besides packages: projects, git trees, downloads, its own directories. */
export function expectSources(
  expected: ExpectedFiles,
  own: Recipe,
  { base, steps, recipes }: LockedPlatform,
  { artifacts, trees, images }: LockedContents,
): void {
  // files belong to the base's user when the recipe makes none
  const recipe = onBase(own, base)
  const uid = projectOwner(recipe)
  for (const { path, owner } of ownedDirectories(recipe))
    expected.add(below(path), { owner: 'account', type: 'directory', mode: 0o755, uid: owner, gid: owner })
  for (const [index, step] of recipe.steps.entries()) {
    const locked = steps[index]
    const owner = stepName(index, step.kind)
    if (step.kind === 'project' && locked?.kind === 'project')
      placeTree(expected, owner, step.to, trees.get(locked.tree)?.files ?? [], uid)
    if (step.kind === 'git' && locked?.kind === 'git') {
      placeTree(expected, owner, step.to, gitFiles(step, artifacts.get(locked.sha256)?.files ?? []), uid)
      const origin = Buffer.from(renderGitOrigin(step, locked))
      const value = createHash('sha256').update(origin).digest('hex')
      const common = { owner, type: 'file' as const, mode: 0o644, uid: 0, gid: 0, size: origin.length }
      expected.add(gitOriginPath(owner), { ...common, digest: { algorithm: 'sha256', value } })
    }
    if (step.kind === 'file' && locked?.kind === 'file') {
      if (step.unpack) placeArchive(expected, owner, step, artifacts.get(locked.sha256)?.files ?? [])
      else placeFile(expected, owner, step, locked, uid)
    }
    if (step.kind === 'copy' && locked?.kind === 'copy') {
      const tree = images.get(recipes?.[locked.recipe]?.image.tree ?? '')
      if (tree !== undefined) placeCopy(expected, owner, step, locked, tree)
    }
  }
}

function placeTree(
  expected: ExpectedFiles,
  owner: string,
  to: string,
  files: readonly ContentFile[],
  uid: number,
): void {
  expected.add(below(to), { owner, type: 'directory', mode: 0o755, uid, gid: uid })
  for (const file of files) {
    const mode = file.type === 'file' ? { mode: file.mode & 0o755 } : {}
    expected.add(below(posix.join(to, file.path)), { owner, uid, gid: uid, ...mode, ...contentOf(file) })
  }
}

/** What an archive holds. Versions of tar count the parts of `./x` differently, so a file may also lie elsewhere. */
function placeArchive(
  expected: ExpectedFiles,
  owner: string,
  { to, strip }: FileStep,
  files: readonly ContentFile[],
): void {
  for (const file of files) {
    const place = file.path.split('/').slice(strip).join('/')
    if (place === '' || file.type === 'directory') continue
    expected.add(below(posix.join(to, place)), { owner, optional: true, ...contentOf(file) })
  }
}

function placeFile(
  expected: ExpectedFiles,
  owner: string,
  { to, mode }: FileStep,
  { size, sha256 }: { size: number; sha256: string },
  uid: number,
): void {
  expected.add(below(to), {
    owner,
    type: 'file',
    size,
    digest: { algorithm: 'sha256', value: sha256 },
    mode: Number.parseInt(mode, 8),
    uid,
    gid: uid,
  })
}

/**
 * What is copied is as it is there, but for privileges, which nothing here asks for; of a directory, which may have been here
 * before, nothing but that it is one.
 */
function placeCopy(
  expected: ExpectedFiles,
  owner: string,
  { to }: CopyStep,
  { path }: LockedCopy,
  tree: FileTree,
): void {
  const place = (at: string, { type, size, sha256, target, mode, uid, gid }: Inode) => {
    const file = { owner, uid, gid, mode: mode & ~PRIVILEGES, ...contentOf({ type, size, sha256, target }) }
    if (below(at) !== '') expected.add(below(at), type === 'directory' ? { owner, type } : file)
  }
  const found = tree.find(path)
  if (found === undefined) return
  place(to, found.inode)
  for (const file of tree.files(path))
    place(posix.join(to, posix.relative(path, `/${file.path}`)), file.inode)
}

function gitFiles({ subdir }: GitStep, files: readonly ContentFile[]): ContentFile[] {
  if (subdir === undefined) return [...files]
  const prefix = `${subdir}/`
  return files.flatMap((file) =>
    file.path.startsWith(prefix) ? [{ ...file, path: file.path.slice(prefix.length) }] : [],
  )
}

/** Setuid and setgid, and that everybody may write. */
const PRIVILEGES = 0o6002

const below = (path: string) => path.replace(/^\/+/, '')
