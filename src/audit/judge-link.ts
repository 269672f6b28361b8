import type { Inode } from '../image/layer-entry.ts'
import { alternativeLinks } from './alternatives.ts'
import { type Issue, isForeign, isLocked, type JudgeContext } from './judge-file.ts'

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

/** What is wrong with a path that is neither a regular file nor a directory. */
export function judgeOther(path: string, inode: Inode, context: JudgeContext): Issue | undefined {
  const { expected, image, check } = context
  const lock = check?.lock
  const owners = expected.at(path)
  if (
    owners.some(
      ({ type, target }) => type === inode.type && (target === undefined || target === inode.target),
    )
  )
    return undefined
  const choice = inode.type === 'symlink' ? alternativeLinks(image.tree).get(path) : undefined
  const isMade =
    choice === inode.target ||
    (inode.type === 'symlink' &&
      MADE.some(({ match, target }) => match.test(path) && target.test(inode.target)))
  if (lock === undefined || (isMade && !isForeign(inode, lock))) return undefined
  if (choice !== undefined && choice !== inode.target) {
    const message = 'the alternative does not lead to the best choice'
    return { rule: 'file-modified', path, message, expected: choice, actual: inode.target }
  }
  const what = inode.type === 'symlink' ? 'symlink' : inode.type
  const actual = inode.type === 'symlink' ? inode.target : inode.type
  const last = owners.at(-1)
  if (last !== undefined) {
    return {
      rule: 'file-modified',
      path,
      owner: last.owner,
      message: `the ${what} differs from what ${last.owner} brings`,
      expected: last.type === 'symlink' ? (last.target ?? 'symlink') : last.type,
      actual,
    }
  }
  if (isLocked(inode, lock)) return undefined
  return {
    rule: 'file-unexplained',
    path,
    message: `no package and no step of the recipe has this ${what}`,
    actual,
  }
}
