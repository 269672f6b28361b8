import { ownIndexes } from '../../../dockerfile/own-indexes.ts'
import { snapshotTimestamp } from '../../../dockerfile/snapshot-timestamp.ts'
import type { Inode } from '../../../image/layer-entry.ts'
import { certificateBundle, packageCertificates } from '../../expect/certificates.ts'
import {
  FOREIGN_LAYER,
  isForeign,
  isInLockedLayers,
  type Judgement,
  type LockedContext,
  makerOf,
} from '../judge-context.ts'
import { madeBy } from '../step-changes.ts'
import { configProblem, templatesText } from './debconf.ts'
import {
  alternativeProblem,
  diversionsProblem,
  extendedStatesProblem,
  statusProblem,
  triggersProblem,
} from './dpkg-state.ts'
import {
  firstWrong,
  type GeneratedFile,
  type GeneratedRule,
  linesProblem,
  TOO_LARGE,
} from './generated-file.ts'
import { libraryCacheProblem } from './library-cache.ts'
import { pamFiles } from './pam.ts'
import { packageShells, shellComments } from './shells.ts'
import { userAccountsProblem } from './user-accounts.ts'

/** Every kind of file that a Debian image has without an owner, and what it must be; but for byte code. */
const GENERATED: readonly GeneratedRule[] = [
  {
    match: /^etc\/(passwd|group|shadow|gshadow)$/,
    reason: 'the users and groups of base-passwd, of packages, and of the recipe',
    rule: 'account',
    isSealed: true,
    check: ({ path, inode }, context) => {
      const isMade = (makerOf(inode, context)?.by ?? 'files') !== 'files'
      return userAccountsProblem(path.slice('etc/'.length), inode, context, { dangersAlone: isMade })
    },
  },
  {
    match: /^etc\/(subuid|subgid)$/,
    reason: 'ranges of ids for users: of the recipe that useradd gives them, else none',
    whole: subordinateIdsProblem,
  },
  {
    match:
      /^(etc\/(environment|security\/opasswd|machine-id)|var\/lib\/dbus\/machine-id|var\/lib\/dpkg\/(available|lock|lock-frontend|triggers\/(Lock|Unincorp))|var\/cache\/debconf\/passwords\.dat|var\/lib\/python\/python3\.\d+_installed|var\/lib\/systemd\/deb-systemd-(?:user-)?helper-enabled\/[^/]+\.wants\/[^/]+|var\/log\/(btmp|wtmp|lastlog|faillog))$/,
    reason: 'made by a package as it is set up, empty until it is used',
    whole: emptyProblem,
  },
  ...copies([
    ['etc/inputrc', 'usr/share/readline/inputrc'],
    ['etc/profile', 'usr/share/base-files/profile'],
    ['etc/motd', 'usr/share/base-files/motd'],
    ['etc/nsswitch.conf', 'usr/share/libc-bin/nsswitch.conf'],
    ['etc/adduser.conf', 'usr/share/adduser/adduser.conf'],
    ['root/.bashrc', 'usr/share/base-files/dot.bashrc'],
    ['root/.profile', 'usr/share/base-files/dot.profile'],
  ]),
  {
    match: /^etc\/networks$/,
    reason: "netbase's default",
    whole: ({ text }) => firstWrong(text, (line) => /^(default|loopback|link-local)\s+[\d.]+$/.test(line)),
  },
  {
    match: /^var\/lib\/dpkg\/arch(-native)?$/,
    reason: 'the architecture that dpkg installs',
    isSealed: true,
    check: ({ text }) => (text === 'amd64\n' ? undefined : 'it is not just amd64'),
  },
  {
    match: /^etc\/timezone$/,
    reason: "tzdata's default",
    whole: ({ text }) => (text === 'Etc/UTC\n' ? undefined : 'it names another time zone than Etc/UTC'),
  },
  {
    match: /^etc\/python3\/debian_config$/,
    reason: "python3-minimal's default",
    whole: ({ text }) => firstWrong(text, (line) => /^(#.*|\[DEFAULT\]|byte-compile = standard)$/.test(line)),
  },
  {
    match: /^etc\/shells$/,
    reason: 'login shells of the packages',
    whole: shellsProblem,
  },
  {
    match: /^var\/lib\/shells\.state$/,
    reason: "update-shells' list of the login shells of the packages",
    whole: ({ text }, { image }) =>
      text ===
      packageShells(image.tree)
        .map((line) => `${line}\n`)
        .join('')
        ? undefined
        : 'it is not just these shells',
  },
  {
    match: /^etc\/apt\/sources\.list$/,
    reason: 'the snapshots of the locked indexes, written when the base is made',
    isSealed: true,
    check: sourcesProblem,
  },
  {
    match: /^etc\/ld\.so\.cache$/,
    reason: "ldconfig's index of the libraries",
    whole: ({ inode }, { image }) =>
      inode.content === undefined ? TOO_LARGE : libraryCacheProblem(inode.content, image.tree),
  },
  {
    match: /^etc\/ca-certificates\.conf$/,
    reason: 'the certificates of the package that are trusted',
    whole: certificateListProblem,
  },
  {
    match: /^etc\/ssl\/certs\/ca-certificates\.crt$/,
    reason: 'the certificates of the package in one file',
    whole: ({ text }, { image }) =>
      text === certificateBundle(image.tree)
        ? undefined
        : 'it is not just the certificates that are trusted, in their order',
  },
  {
    match:
      /^(etc\/pam\.d\/common-(account|auth|password|session|session-noninteractive)|var\/lib\/pam\/[^/]+)$/,
    reason: "pam-auth-update's selection of what packages offer",
    whole: ({ path, text }, { image }) =>
      text !== undefined && text === pamFiles(image.tree).get(path)
        ? undefined
        : 'it is not what the templates and profiles of the packages give',
  },
  {
    match: /^var\/lib\/dpkg\/status$/,
    reason: "dpkg's record of what is installed",
    isSealed: true,
    check: statusProblem,
  },
  {
    match: /^var\/lib\/dpkg\/diversions$/,
    reason: "dpkg's record of files that packages divert",
    whole: diversionsProblem,
  },
  {
    match: /^var\/lib\/dpkg\/triggers\/[^/]+$/,
    reason: "dpkg's triggers",
    whole: triggersProblem,
  },
  {
    match: /^var\/lib\/dpkg\/info\/format$/,
    reason: "the number of the format of dpkg's database",
    isSealed: true,
    check: ({ text }) => (text === '1\n' ? undefined : 'it is not 1'),
  },
  {
    match: /^var\/lib\/dpkg\/alternatives\/[^/]+$/,
    reason: 'choices between packages that do the same',
    whole: alternativeProblem,
  },
  {
    match: /^var\/lib\/apt\/extended_states$/,
    reason: "apt's record of what was asked for",
    isSealed: true,
    check: extendedStatesProblem,
  },
  {
    match: /^var\/lib\/systemd\/deb-systemd-(?:user-)?helper-enabled\/[^/]+\.dsh-also$/,
    reason: 'units that packages switched on',
    whole: ({ text }) => firstWrong(text, (line) => /^\/etc\/systemd\/(system|user)\/[\w.@/-]+$/.test(line)),
  },
  {
    match: /^var\/cache\/debconf\/templates\.dat$/,
    reason: "debconf's copy of the templates of packages",
    whole: ({ text }, { image }) =>
      text === templatesText(image.tree) ? undefined : 'it is not just the templates of the packages',
  },
  {
    match: /^var\/cache\/debconf\/config\.dat$/,
    reason: "debconf's questions and answers",
    whole: ({ text }, { image }) => configProblem(text, image.tree),
  },
  {
    match: /^usr\/share\/info\/dir$/,
    reason: "install-info's index of manuals",
    whole: ({ inode }, { image, debs, lock }) => {
      if (image.tree.find('usr/share/base-files/info.dir')?.inode.sha256 === inode.sha256) return undefined
      return debs.has('install-info') && !isForeign(inode, lock)
        ? undefined
        : 'it differs from /usr/share/base-files/info.dir'
    },
  },
]

/** Judges a file by the rule for its path; undefined when there is none. */
export function judgeGenerated(path: string, inode: Inode, context: LockedContext): Judgement | undefined {
  const rule = GENERATED.find(({ match }) => match.test(path))
  if (rule === undefined) return undefined
  const { lock } = context
  const { reason, check, whole, isSealed = false } = rule
  const file = { path, inode, text: inode.content?.toString('latin1') }
  // over a base that was an image, its packages made the file, which the lock does not have
  if (lock.locked.base.kind !== 'debian' && isInLockedLayers(inode, lock))
    return { status: 'generated', reason }
  const problem = check?.(file, context)
  if (problem !== undefined) return wrong(rule, file, problem, isSealed && context)
  if (check !== undefined && whole === undefined) return { status: 'generated', reason }
  if (isForeign(inode, lock)) {
    const found = whole === undefined ? FOREIGN_LAYER : whole(file, context)
    return found === undefined ? { status: 'generated', reason } : wrong(rule, file, found, false)
  }
  const maker = makerOf(inode, context)
  const isUsual = whole === undefined || whole(file, context) === undefined
  // one that its usual maker would write otherwise is as it was locked, and the step's
  return isUsual || maker === undefined
    ? { status: 'generated', reason }
    : { status: 'generated', reason: madeBy(path, maker, context) }
}

function wrong(
  { reason, rule = 'file-modified' }: GeneratedRule,
  { path, inode }: GeneratedFile,
  problem: string,
  sealed: LockedContext | false,
): Judgement {
  const message = `it is not as its maker writes it (${reason}): ${problem}`
  const isSealed = sealed && (rule === 'account' || makerOf(inode, sealed)?.by === 'packages')
  return { status: 'modified', reason, issue: { rule, path, message, ...(isSealed ? { isSealed } : {}) } }
}

/** Whatever was never used: nothing, or zeros as in lastlog(8) and faillog(5). */
function emptyProblem({ inode, text }: GeneratedFile): string | undefined {
  if (inode.size === 0) return undefined
  if (text === undefined) return `it has ${inode.size} bytes, expected none`
  return /^\0*$/.test(text) ? undefined : 'it is not empty'
}

function copies(pairs: [path: string, source: string][]): GeneratedRule[] {
  return pairs.map(([path, source]) => ({
    match: new RegExp(`^${path.replaceAll('.', '\\.')}$`),
    reason: `a copy of /${source}`,
    whole: ({ inode }, { image }) =>
      image.tree.find(source)?.inode.sha256 === inode.sha256 ? undefined : `it differs from /${source}`,
  }))
}

/** Comments, which the package's script has, and every certificate of the package in order. */
function certificateListProblem(
  { text }: GeneratedFile,
  { image, expected }: LockedContext,
): string | undefined {
  if (text === undefined) return TOO_LARGE
  const lines = text.split('\n')
  if (lines.pop() !== '') return 'its last line has no end'
  const stray = lines.find((line) => line.startsWith('#') && !expected.effects.says('ca-certificates', line))
  if (stray !== undefined) return `no package gives it the line ${JSON.stringify(stray.slice(0, 120))}`
  const start = lines.findIndex((line) => !line.startsWith('#'))
  const listed = start === -1 ? [] : lines.slice(start)
  const wrong = packageCertificates(image.tree).findIndex((name, index) => listed[index] !== name)
  if (wrong !== -1) return `its certificate number ${wrong + 1} is not that of the package`
  return listed.length === packageCertificates(image.tree).length
    ? undefined
    : 'it has more than the certificates of the package'
}

/** Every login shell of the packages, and those that scripts add; where update-shells keeps no list, any that a package has. */
function shellsProblem({ text }: GeneratedFile, { image, expected }: LockedContext): string | undefined {
  const { tree } = image
  const isKept = tree.find('var/lib/shells.state') !== undefined
  const shells = [...packageShells(tree), ...expected.effects.shells]
  const known = new Set([...shellComments(tree), ...shells])
  if (isKept) return linesProblem(text, known)
  return firstWrong(text, (line) => line.startsWith('#') || known.has(line) || isShell(line, expected))
}

/** A shell that a package has, by one of its names: `/bin/sh`, `/usr/bin/sh`. */
function isShell(line: string, expected: LockedContext['expected']): boolean {
  return /^\/(usr\/)?bin\/[a-z]*sh$/.test(line) && expected.at(expected.place(line.slice(1))).length > 0
}

/** useradd(8) gives a new user the next 65536 ids from 100000 on, where it gives any; system users get none. */
function subordinateIdsProblem({ text }: GeneratedFile, { lock }: LockedContext): string | undefined {
  const { user } = lock.recipe
  return text === '' || (user !== undefined && text === `${user.name}:100000:65536\n`)
    ? undefined
    : 'it gives ids to users that no package or recipe gives any'
}

function sourcesProblem({ text }: GeneratedFile, { image, lock }: LockedContext): string | undefined {
  const release = image.tree.read('etc/os-release')?.toString('latin1') ?? ''
  const [, domain] = /^HOME_URL="?https*:\/\/www\.([^/"]*)/m.exec(release) ?? []
  const expected = ownIndexes(lock.locked.base).map(
    (index) =>
      `deb [check-valid-until=no] http://snapshot.${domain}/archive/${index.archive}/${snapshotTimestamp(index)} ${index.suite} ${index.component}`,
  )
  return text === [...expected, ''].join('\n') ? undefined : 'it does not name just the locked snapshots'
}
