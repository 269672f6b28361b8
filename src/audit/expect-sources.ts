import { posix } from 'node:path'
import { ownedDirectories, projectOwner } from '../dockerfile/owned-directories.ts'
import { stepName } from '../dockerfile/step-name.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import type { FileStep, GitStep, Recipe } from '../recipe/schema.ts'
import type { ExpectedFiles } from './expected-files.ts'
import type { ContentFile, LockedContents } from './locked-contents.ts'

/** What the steps of a recipe place that are no packages: projects, git trees, downloads, its own directories. */
export function expectSources(
  expected: ExpectedFiles,
  recipe: Recipe,
  { steps }: LockedPlatform,
  { artifacts, trees }: LockedContents,
): void {
  const uid = projectOwner(recipe)
  for (const { path, owner } of ownedDirectories(recipe))
    expected.add(below(path), { owner: 'account', type: 'directory', mode: 0o755, uid: owner, gid: owner })
  for (const [index, step] of recipe.steps.entries()) {
    const locked = steps[index]
    const owner = stepName(index, step.kind)
    if (step.kind === 'project' && locked?.kind === 'project')
      placeTree(expected, owner, step.to, trees.get(locked.tree)?.files ?? [], uid)
    if (step.kind === 'git' && locked?.kind === 'git')
      placeTree(expected, owner, step.to, gitFiles(step, artifacts.get(locked.sha256)?.files ?? []), uid)
    if (step.kind === 'file' && locked?.kind === 'file') {
      if (step.unpack)
        placeTree(expected, owner, step.to, unpacked(step, artifacts.get(locked.sha256)?.files ?? []), uid)
      else placeFile(expected, owner, step, locked, uid)
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
  for (const { path, type, size, sha256, mode, target } of files) {
    const common = { owner, type, uid, gid: uid }
    expected.add(
      below(posix.join(to, path)),
      type === 'file'
        ? { ...common, size, mode: mode & 0o755, digest: { algorithm: 'sha256', value: sha256 } }
        : type === 'symlink'
          ? { ...common, target }
          : common,
    )
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

function gitFiles({ subdir }: GitStep, files: readonly ContentFile[]): ContentFile[] {
  if (subdir === undefined) return [...files]
  const prefix = `${subdir}/`
  return files.flatMap((file) =>
    file.path.startsWith(prefix) ? [{ ...file, path: file.path.slice(prefix.length) }] : [],
  )
}

function unpacked({ strip }: FileStep, files: readonly ContentFile[]): ContentFile[] {
  return files.flatMap((file) => {
    const path = file.path.split('/').slice(strip).join('/')
    return path === '' ? [] : [{ ...file, path }]
  })
}

const below = (path: string) => path.replace(/^\/+/, '')
