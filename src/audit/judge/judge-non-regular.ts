import type { Inode } from '../../image/layer-entry.ts'
import { parentOf, resolvePath } from '../../inventory/tree-paths.ts'
import { alternativeLinks } from '../expect/alternatives.ts'
import type { ExpectedFile, ExpectedFiles } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import { isForeign, isInLockedLayers, isOfImageBase, type JudgeContext } from './judge-context.ts'

/** Symlinks that packages make as they are set up, and what of a package they may lead to. */
const MADE: { match: RegExp; target: RegExp }[] = [
  { match: /^etc\/rc[0-6S]\.d\/[SK]\d\d/, target: /^\.\.\/init\.d\/[^/]+$/ },
  { match: /^etc\/localtime$/, target: /^\/usr\/share\/zoneinfo\// },
  { match: /^usr\/bin\/[\w-]+-pkg-config$/, target: /^\/usr\/share\/pkg-config-crosswrapper$/ },
  { match: /^usr\/lib\/[^/]+\/fortran\/[\w-]+$/, target: /^\/usr\/lib\/[^/]+\/fortran\/gfortran-mod-\d+$/ },
]

/** Decides whether a directory, symlink, device or pipe is legitimate: by its owners, or by what may make such a link. */
export function judgeNonRegular(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  context: JudgeContext,
): Issue | undefined {
  const { lock, image, expected } = context
  if (isOfImageBase(inode, lock)) return undefined
  if (inode.type === 'directory')
    return lock === undefined ? undefined : judgeDirectory(path, inode, owners, context)
  const isLocked = lock !== undefined && !isForeign(inode, lock)
  const isAsOwned = owners.some(
    ({ type, target, made }) =>
      type === inode.type && (target === undefined || target === inode.target || (made && isLocked)),
  )
  if (isAsOwned || lock === undefined) return undefined
  const choice = inode.type === 'symlink' ? alternativeLinks(image.tree).get(path) : undefined
  if (choice !== undefined && choice !== inode.target) {
    const message = 'the alternative does not lead to the best choice'
    return { rule: 'file-modified', path, message, expected: choice, actual: inode.target }
  }
  if (inode.type === 'symlink' && expected.effects.linkAt(path) === inode.target) return undefined
  if (choice !== undefined || (inode.type === 'symlink' && isMadeLink(path, inode.target, expected)))
    return undefined
  return unknownIssue(path, inode, owners.at(-1), isInLockedLayers(inode, lock))
}

const isMadeLink = (path: string, to: string, expected: ExpectedFiles) =>
  MADE.some(
    ({ match, target }) =>
      match.test(path) &&
      target.test(to) &&
      expected.at(expected.place(resolvePath(parentOf(path), to))).length > 0,
  )

/** A directory is its owners', or holds something that is judged itself. An empty one is found: Python takes it for a package. */
function judgeDirectory(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  { lock, image: { tree }, expected }: JudgeContext,
): Issue | undefined {
  if (owners.some(({ type }) => type === 'directory')) return undefined
  const last = owners.at(-1)
  if (last !== undefined) {
    const message = `it is a directory, and ${last.owner} has a ${last.type} there`
    return {
      rule: 'file-modified',
      path,
      owner: last.owner,
      message,
      expected: last.type,
      actual: 'directory',
    }
  }
  if (!isForeign(inode, lock) || tree.list(path).length > 0) return undefined
  if (expected.effects.created(path) === 'directory') return undefined
  const message = 'no package and no step of the recipe has this directory'
  return { rule: 'file-unexplained', path, message, actual: 'directory' }
}

function unknownIssue(
  path: string,
  { type, target }: Inode,
  last: ExpectedFile | undefined,
  isLocked: boolean,
): Issue | undefined {
  const actual = type === 'symlink' ? target : type
  if (last !== undefined) {
    const message = `the ${type} differs from what ${last.owner} brings`
    const expected = last.type === 'symlink' ? (last.target ?? 'symlink') : last.type
    return { rule: 'file-modified', path, owner: last.owner, message, expected, actual }
  }
  if (isLocked) return undefined
  const message = `no package and no step of the recipe has this ${type}`
  return { rule: 'file-unexplained', path, message, actual }
}
