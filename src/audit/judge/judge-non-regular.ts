import type { Inode } from '../../image/layer-entry.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import { alternativeLinks } from './generated/alternatives.ts'
import { isAboveLockedLayers, isInLockedLayers, type JudgeContext } from './judge-context.ts'

/** Symlinks that packages make as they are set up, by what they may lead to. */
const MADE: { match: RegExp; target: RegExp }[] = [
  { match: /^(bin|sbin|lib|lib32|lib64|libx32)$/, target: /^usr\/(bin|sbin|lib|lib32|lib64|libx32)$/ },
  { match: /^etc\/rc[0-6S]\.d\/[SK]\d\d/, target: /^\.\.\/init\.d\/[^/]+$/ },
  { match: /^etc\/systemd\/system\/[^/]+\.wants\/[^/]+$/, target: /^(\/usr)?\/lib\/systemd\/system\/[^/]+$/ },
  { match: /^etc\/ssl\/certs\/[^/]+$/, target: /^(\/usr\/share\/ca-certificates\/|[^/]+\.pem$)/ },
  { match: /^etc\/dpkg\/origins\/default$/, target: /^debian$/ },
  { match: /^etc\/localtime$/, target: /^\/usr\/share\/zoneinfo\// },
  { match: /^usr\/local\/man$/, target: /^share\/man$/ },
  { match: /^var\/(lock|run|spool\/mail)$/, target: /^(\/run(\/lock)?|\.\.\/mail)$/ },
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
  const { lock, image } = context
  if (inode.type === 'directory') return lock === undefined ? undefined : directoryIssue(path, owners)
  const isAsOwned = owners.some(
    ({ type, target }) => type === inode.type && (target === undefined || target === inode.target),
  )
  if (isAsOwned || lock === undefined) return undefined
  const choice = inode.type === 'symlink' ? alternativeLinks(image.tree).get(path) : undefined
  const isMade = choice === inode.target || (inode.type === 'symlink' && isMadeLink(path, inode.target))
  if (isMade && !isAboveLockedLayers(inode, lock)) return undefined
  if (choice !== undefined && choice !== inode.target) {
    const message = 'the alternative does not lead to the best choice'
    return { rule: 'file-modified', path, message, expected: choice, actual: inode.target }
  }
  return unknownIssue(path, inode, owners.at(-1), isInLockedLayers(inode, lock))
}

const isMadeLink = (path: string, to: string) =>
  MADE.some(({ match, target }) => match.test(path) && target.test(to))

function directoryIssue(path: string, owners: readonly ExpectedFile[]): Issue | undefined {
  const last = owners.at(-1)
  if (last === undefined || owners.some(({ type }) => type === 'directory')) return undefined
  const message = `it is a directory, and ${last.owner} has a ${last.type} there`
  return { rule: 'file-modified', path, owner: last.owner, message, expected: last.type, actual: 'directory' }
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
