import type { Inode } from '../../../image/layer-entry.ts'
import { sysusersCalls } from '../../expect/account-calls.ts'
import { MadeAccounts } from '../../expect/made-accounts.ts'
import type { LockedContext } from '../judge-context.ts'

/** What is wrong with one entry of a file of user accounts. */
interface EntryProblem {
  file: 'passwd' | 'group' | 'shadow' | 'gshadow'
  /** Name of the user or group. */
  name: string
  problem: string
  /** Whether it lets somebody in: that is found whoever made it. */
  isDanger?: boolean
}

const NO_LOGIN = /\/(nologin|false|sync)$/
const NO_PASSWORD = /^(\*|!|!\*|!!|\*!)$/

/**
 * What is wrong with one of the four files of user accounts.
 *
 * @param dangersAlone whether only what lets somebody in is wrong: of a file that a step of the locked image made
 */
export function userAccountsProblem(
  file: string,
  inode: Inode,
  context: LockedContext,
  { dangersAlone }: { dangersAlone: boolean },
): string | undefined {
  const isSecret = file.endsWith('shadow')
  if (inode.uid !== 0 || (inode.mode & (isSecret ? 0o137 : 0o133)) !== 0)
    return `its mode is ${inode.mode.toString(8)} and its owner ${inode.uid}: others may ${isSecret ? 'read' : 'write'} it`
  const problems = entryProblems(context).filter(
    (each) => each.file === file && (!dangersAlone || each.isDanger),
  )
  if (problems.length === 0) return undefined
  return problems.map(({ name, problem }) => `${JSON.stringify(name)}: ${problem}`).join('; ')
}

/**
 * Compares the four files of user accounts with what makes them: the base's master copies, the recipe's user, and system
 * users that a maintainer script of a locked package names (passwd(5), group(5), shadow(5), gshadow(5)).
 */
function entryProblems(context: LockedContext): EntryProblem[] {
  const read = (path: string) => fields(context.image.tree.read(path)?.toString('latin1') ?? '')
  const users = read('etc/passwd')
  const groups = read('etc/group')
  const masters = {
    users: byName(read('usr/share/base-passwd/passwd.master')),
    groups: byName(read('usr/share/base-passwd/group.master')),
  }
  const { user } = context.lock.recipe
  const makers = makersOf(context, groups)
  const groupProblems = groups.flatMap((entry): EntryProblem[] => {
    const problem = groupProblem(entry, masters.groups.get(entry[0] ?? ''), user, makers)
    return problem === undefined ? [] : [{ file: 'group', name: entry[0] ?? '', problem }]
  })
  // what is wrong with a group's members is no measure for those that gshadow has of it
  const wrong = new Set(groupProblems.map(({ name }) => name))
  const sound = groups.map((entry) => (wrong.has(entry[0] ?? '') ? entry.slice(0, 3) : entry))
  return [
    ...dangers(read),
    ...users.flatMap((entry) => {
      const problem = userProblem(entry, masters.users.get(entry[0] ?? ''), user, makers)
      return problem === undefined ? [] : [{ file: 'passwd' as const, name: entry[0] ?? '', problem }]
    }),
    ...groupProblems,
    ...missing('passwd', [...masters.users.keys(), ...(user ? [user.name] : [])], users),
    ...missing('group', [...masters.groups.keys(), ...(user ? [user.name] : [])], groups),
    ...passwordProblems('shadow', read('etc/shadow'), users),
    ...passwordProblems('gshadow', read('etc/gshadow'), sound),
  ]
}

/** Entries that let somebody in. */
function dangers(read: (path: string) => Entry[]): EntryProblem[] {
  const danger = (
    file: EntryProblem['file'],
    entries: Entry[],
    problemOf: (entry: Entry) => string | undefined,
  ) =>
    entries.flatMap((entry) => {
      const problem = problemOf(entry)
      return problem === undefined ? [] : [{ file, name: entry[0] ?? '', problem, isDanger: true }]
    })
  const ofPassword = ([, password = '']: Entry) => {
    if (password === '') return 'no password is needed to log in'
    return password === 'x' || NO_PASSWORD.test(password) ? undefined : 'it has a password'
  }
  return [
    ...danger('passwd', read('etc/passwd'), (entry) => {
      const [name, , uid] = entry
      return name !== 'root' && Number(uid) === 0 ? 'it has the rights of root' : ofPassword(entry)
    }),
    ...danger('group', read('etc/group'), ofPassword),
    ...danger('shadow', read('etc/shadow'), ofPassword),
    ...danger('gshadow', read('etc/gshadow'), ofPassword),
  ]
}

type Entry = string[]
type User = { name: string; uid: number; home: string; shell: string } | undefined

const fields = (text: string): Entry[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':'))
const byName = (entries: Entry[]) => new Map(entries.map((entry) => [entry[0] ?? '', entry]))

function userProblem(
  [name = '', password, uid = '', gid = '', gecos = '', home = '', shell = '']: Entry,
  master: Entry | undefined,
  user: User,
  { isNamed, made }: Makers,
): string | undefined {
  const what = `uid ${uid}, gid ${gid}, home ${home}, shell ${shell}`
  // a base without the package passwd keeps what base-passwd writes
  if (password !== 'x' && password !== master?.[1]) return 'its password field is not "x"'
  if (master !== undefined) {
    const [, , ...expected] = master
    const same = expected.join(':') === [uid, gid, gecos, home, shell].join(':')
    const entry = { name, uid, gid, gecos, home, shell }
    return same || (uid === expected[0] && made.isUser(entry))
      ? undefined
      : `it is ${what}, expected ${expected.join(':')}`
  }
  if (user !== undefined && name === user.name) {
    const same = uid === `${user.uid}` && gid === `${user.uid}` && home === user.home && shell === user.shell
    return same
      ? undefined
      : `it is ${what}, expected uid ${user.uid}, home ${user.home}, shell ${user.shell}`
  }
  const isMade = made.hasUser(name)
    ? made.isUser({ name, uid, gid, gecos, home, shell })
    : isNamed(name) && isSystemId(uid) && gid !== '0' && NO_LOGIN.test(shell)
  return isMade ? undefined : `no package and no recipe makes it: ${what}`
}

function groupProblem(
  [name = '', password, gid = '', members = '']: Entry,
  master: Entry | undefined,
  user: User,
  { isNamed, isMember, made }: Makers,
): string | undefined {
  if (password !== 'x' && password !== '*') return 'it has a password'
  const added = members.split(',').filter((member) => member !== '' && !isMember(member, name))
  if (added.length > 0) return `no package and no recipe makes ${added.join(', ')} its member`
  if (master !== undefined) return master[2] === gid ? undefined : `its gid is ${gid}, expected ${master[2]}`
  if (user !== undefined && name === user.name)
    return gid === `${user.uid}` ? undefined : `its gid is ${gid}, expected ${user.uid}`
  const isMade = made.hasGroup(name) ? made.isGroup(name, gid) : isNamed(name) && isSystemId(gid)
  return isMade ? undefined : `no package and no recipe makes it: gid ${gid}`
}

function missing(file: 'passwd' | 'group', names: string[], entries: Entry[]): EntryProblem[] {
  const present = byName(entries)
  return names
    .filter((name) => !present.has(name))
    .map((name) => ({ file, name, problem: 'it is not there any more' }))
}

/** Nobody has a password, nobody is missing, and nobody is there twice. */
function passwordProblems(file: 'shadow' | 'gshadow', entries: Entry[], owners: Entry[]): EntryProblem[] {
  const names = new Set(owners.map(([name]) => name))
  const memberships = new Map(owners.map(([name, , , members = '']) => [name, members]))
  const seen = new Set<string>()
  const problemOf = ([name = '', , administrators = '', members = '']: Entry) => {
    if (!names.has(name)) return file === 'shadow' ? 'no user has this name' : 'no group has this name'
    if (seen.has(name)) return 'it is there twice'
    const isShared =
      file === 'gshadow' && (administrators !== '' || members !== (memberships.get(name) ?? ''))
    return isShared ? 'it has administrators or members, which the group does not have' : undefined
  }
  return entries.flatMap((entry) => {
    const [name = ''] = entry
    const problem = problemOf(entry)
    seen.add(name)
    return problem === undefined ? [] : [{ file, name, problem }]
  })
}

/** What says of a user or group that packages make it. */
interface Makers {
  made: MadeAccounts
  /** Whether a script that makes accounts has that name, where no plain call does. */
  isNamed(name: string): boolean
  isMember(user: string, group: string): boolean
}

function makersOf(
  { lock, image: { tree }, expected: { effects } }: LockedContext,
  groups: readonly Entry[],
): Makers {
  const scripts = [...lock.contents.artifacts.values()]
    .flatMap(({ control = {} }) => [control['postinst']?.text, control['preinst']?.text])
    .filter((text) => text !== undefined)
    .filter((text) => MAKES.test(text))
  const lists = tree.list(SYSUSERS).filter((name) => name.endsWith('.conf'))
  const calls = [
    ...effects.accounts,
    ...lists.flatMap((name) => sysusersCalls(tree.read(`${SYSUSERS}/${name}`)?.toString('utf8') ?? '')),
  ]
  const made = new MadeAccounts(calls, new Map(groups.map(([name = '', , gid = '']) => [name, gid])))
  // scripts that are not at hand may make it: that they are not is a finding of its own
  const isOpen = lock.contents.missing.length > 0
  const hasNames = (...names: string[]) =>
    isOpen || scripts.some((text) => names.every((name) => hasWord(text, name)))
  return {
    made,
    isNamed: (name) => hasNames(name),
    isMember: (user, group) => made.isMember(user, group) || (!made.hasUser(user) && hasNames(user, group)),
  }
}

const SYSUSERS = 'usr/lib/sysusers.d'
const MAKES =
  /\b(adduser|addgroup|useradd|usermod|groupadd|groupmod|gpasswd|chsh|systemd-sysusers|addusers?)\b/
const isSystemId = (id: string) => Number(id) >= 100 && Number(id) < 1000

function hasWord(script: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\-]/g, '\\$&')
  return new RegExp(`(^|[\\s"'=:])${escaped}($|[\\s"';:])`, 'm').test(script)
}
