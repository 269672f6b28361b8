import type { FileTree } from '../../image/file-tree.ts'
import type { FileType } from '../../image/layer-entry.ts'
import { alternativeLinks } from './alternatives.ts'
import { certificateLinks } from './certificates.ts'
import type { ExpectedFiles } from './expected-files.ts'
import type { ScriptEffects } from './script-effects.ts'
import { triggerFiles } from './trigger-files.ts'

/** A path that a package makes as it is set up. */
interface Made {
  by: string
  path: string
  type?: FileType
  mode?: number
  group?: string
  /** Of a symlink: where it may lead. */
  target?: string
  /** Text of the package's scripts without which it makes no such path. */
  says?: string
  /** Whether an image may do without it. */
  optional?: boolean
}

const directory = (by: string, paths: readonly string[], more: Partial<Made> = {}): Made[] =>
  paths.map((path) => ({ by, path, type: 'directory', mode: 0o755, ...more }))
const file = (by: string, path: string, more: Partial<Made> = {}): Made => ({ by, path, ...more })
const link = (by: string, path: string, target: string, more: Partial<Made> = {}): Made => ({
  by,
  path,
  type: 'symlink',
  target,
  ...more,
})

/** From the postinst of each package, in Debian 11 to 13; what their content is, `judge/generated` says. */
const MADE: readonly Made[] = [
  ...directory('base-files', ['mnt', 'srv', 'opt', 'media'], { says: 'install_directory mnt' }),
  ...directory('base-files', ['etc/opt', 'var/opt'], { says: 'install_directory etc/opt' }),
  ...directory('base-files', ['var/mail'], { mode: 0o2775, group: 'mail', says: 'var/mail 2775' }),
  ...directory('base-files', ['run/lock'], { mode: 0o1777, says: 'run/lock 1777' }),
  ...['', '/share', '/share/man', '/bin', '/games', '/lib', '/include', '/sbin', '/src', '/etc'].flatMap(
    (path) => directory('base-files', [`usr/local${path}`], { says: `install_local_dir /usr/local${path}` }),
  ),
  link('base-files', 'usr/local/man', 'share/man', { says: '/usr/local/man' }),
  link('base-files', 'var/spool/mail', '../mail', { says: 'var/spool/mail' }),
  link('base-files', 'var/run', '/run', { says: '/var/run /run' }),
  link('base-files', 'var/lock', '/run/lock', { says: '/var/lock /run/lock' }),
  link('base-files', 'etc/dpkg/origins/default', 'debian', { says: 'dpkg/origins/default' }),
  file('base-files', 'etc/profile', { says: '/etc/profile' }),
  file('base-files', 'etc/motd', { says: '/etc/motd' }),
  file('base-files', 'root/.bashrc', { says: '/root/.bashrc' }),
  file('base-files', 'root/.profile', { says: '/root/.profile' }),
  file('base-files', 'usr/share/info/dir', { says: '/usr/share/info/dir' }),
  file('base-files', 'var/log/wtmp', { mode: 0o664, group: 'utmp', says: '/var/log/wtmp' }),
  file('base-files', 'var/log/btmp', { mode: 0o660, group: 'utmp', says: '/var/log/btmp' }),
  file('base-files', 'var/log/lastlog', { mode: 0o664, group: 'utmp', says: '/var/log/lastlog' }),
  file('login', 'var/log/faillog', { says: '/var/log/faillog' }),
  file('base-passwd', 'etc/subuid', { says: '/etc/subuid' }),
  file('base-passwd', 'etc/subgid', { says: '/etc/subgid' }),
  file('login', 'etc/subuid', { says: '/etc/subuid' }),
  file('login', 'etc/subgid', { says: '/etc/subgid' }),
  file('libpam-modules', 'etc/environment', { says: '/etc/environment' }),
  file('libpam-modules', 'etc/security/opasswd', { mode: 0o600, says: '/etc/security/opasswd' }),
  ...['account', 'auth', 'password', 'session', 'session-noninteractive'].flatMap((type) => [
    file('libpam-runtime', `etc/pam.d/common-${type}`, { says: 'pam-auth-update' }),
    file('libpam-runtime', `var/lib/pam/${type}`, { says: 'pam-auth-update' }),
  ]),
  file('libpam-runtime', 'var/lib/pam/seen', { says: 'pam-auth-update' }),
  file('libc-bin', 'etc/nsswitch.conf', { says: '/etc/nsswitch.conf' }),
  file('libc-bin', 'etc/ld.so.cache'),
  ...directory('libc-bin', ['var/cache/ldconfig'], { mode: 0o700, optional: true }),
  file('readline-common', 'etc/inputrc', { says: '/etc/inputrc' }),
  file('adduser', 'etc/adduser.conf', { says: 'etc/adduser.conf', optional: true }),
  file('netbase', 'etc/networks', { says: '/etc/networks', optional: true }),
  file('tzdata', 'etc/timezone', { says: '/etc/timezone', optional: true }),
  link('tzdata', 'etc/localtime', '/usr/share/zoneinfo/Etc/UTC', { says: '/etc/localtime' }),
  file('debianutils', 'etc/shells', { says: 'shells' }),
  file('debianutils', 'var/lib/shells.state', { says: 'update-shells' }),
  file('ca-certificates', 'etc/ca-certificates.conf', { says: '/etc/ca-certificates.conf' }),
  file('ca-certificates', 'etc/ssl/certs/ca-certificates.crt', { says: 'update-ca-certificates' }),
  ...directory('ca-certificates', ['usr/local/share/ca-certificates'], {
    says: '/usr/local/share/ca-certificates',
  }),
  file('debconf', 'var/cache/debconf/config.dat'),
  file('debconf', 'var/cache/debconf/templates.dat'),
  file('debconf', 'var/cache/debconf/passwords.dat', { mode: 0o600 }),
  file('dpkg', 'var/lib/dpkg/status'),
  file('dpkg', 'var/lib/dpkg/available'),
  file('dpkg', 'var/lib/dpkg/diversions'),
  file('dpkg', 'var/lib/dpkg/info/format'),
  file('dpkg', 'var/lib/dpkg/lock', { mode: 0o640 }),
  file('dpkg', 'var/lib/dpkg/lock-frontend', { mode: 0o640 }),
  file('dpkg', 'var/lib/dpkg/arch', { optional: true }),
  file('dpkg', 'var/lib/dpkg/arch-native', { optional: true }),
  ...directory('dpkg', ['var/lib/dpkg/triggers']),
  file('dpkg', 'var/lib/dpkg/triggers/Lock', { mode: 0o600 }),
  file('dpkg', 'var/lib/dpkg/triggers/Unincorp'),
  file('apt', 'var/lib/apt/extended_states', { optional: true }),
  ...directory('init-system-helpers', ['var/lib/systemd/deb-systemd-helper-enabled'], { optional: true }),
]

/** Files that every image has which is made from a lock. */
const ACCOUNTS: readonly Made[] = [file('base-passwd', 'etc/passwd'), file('base-passwd', 'etc/group')]

/** Where the passwords are that `x` in a file of accounts stands for: there are none before the package passwd is set up. */
const PASSWORDS: readonly [of: string, made: Made][] = [
  ['etc/passwd', file('base-passwd', 'etc/shadow', { mode: 0o640, group: 'shadow' })],
  ['etc/group', file('base-passwd', 'etc/gshadow', { mode: 0o640, group: 'shadow' })],
]

/** The links that make a merged /usr of a base whose base-files has none. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64']

/** What packages make as they are set up, by the paths that they always make. */
export function expectMade(
  expected: ExpectedFiles,
  tree: FileTree,
  debs: ReadonlySet<string>,
  effects: ScriptEffects,
): void {
  const add = ({ by, path, type = 'file', mode, group, target, optional }: Made) => {
    const known = expected.at(expected.place(path))
    if (known.some((each) => !each.made && each.type === type)) return
    const gid = group === undefined ? 0 : effects.groupId(group)
    expected.add(path, {
      owner: `deb/${by}`,
      type,
      made: true,
      uid: 0,
      ...(gid === undefined ? {} : { gid }),
      mode: mode ?? (type === 'symlink' ? 0o777 : 0o644),
      ...(target === undefined ? {} : { target }),
      ...(optional ? { optional } : {}),
    })
  }
  for (const made of ACCOUNTS) add(made)
  for (const [of, made] of PASSWORDS) {
    const isUsed = /^[^:]*:x:/m.test(tree.read(of)?.toString('latin1') ?? '')
    add({ ...made, optional: !isUsed })
  }
  for (const made of MADE)
    if (debs.has(made.by) && (made.says === undefined || effects.says(made.by, made.says))) add(made)
  for (const name of MERGED) {
    if (tree.findLink(name)?.inode.type !== 'symlink') continue
    add(link('base-files', name, `usr/${name}`, { optional: true }))
    for (const each of directory('base-files', [`usr/${name}`], { optional: true })) add(each)
  }
  for (const name of debs) {
    const [, python] = /^(python3\.\d+)-minimal$/.exec(name) ?? []
    if (python !== undefined) {
      add(file(name, `var/lib/python/${python}_installed`, { optional: !effects.says(name, 'installed') }))
      const site = [`usr/local/lib/${python}`, `usr/local/lib/${python}/dist-packages`]
      const isMade = effects.says(name, `/usr/local/lib/${python}`)
      for (const each of directory(name, site, { optional: !isMade })) add(each)
    }
  }
  for (const each of madeByAlternatives(tree, effects)) add(each)
  if (debs.has('ca-certificates') && debs.has('openssl'))
    for (const [name, target] of certificateLinks(tree))
      add(link('ca-certificates', `etc/ssl/certs/${name}`, target))
  for (const name of triggerFiles(tree).keys()) add(file('dpkg', `var/lib/dpkg/triggers/${name}`))
  for (const name of effects.services) for (const each of madeByService(tree, name)) add(each)
  for (const unit of effects.units) for (const each of madeByUnit(tree, unit)) add(each)
  if (debs.has('python3-minimal')) {
    for (const each of directory('python3-minimal', ['etc/python3'])) add(each)
    add(file('python3-minimal', 'etc/python3/debian_config'))
  }
}

/** Links that update-rc.d(8) makes of a script's header (LSB): one for each run level that it starts or stops in. */
function madeByService(tree: FileTree, name: string): Made[] {
  const text = tree.read(`etc/init.d/${name}`)?.toString('latin1') ?? ''
  const levels = (field: string) =>
    (new RegExp(`^#\\s*Default-${field}:(.*)$`, 'm').exec(text)?.[1] ?? '')
      .split(/\s+/)
      .filter((level) => /^[0-6S]$/.test(level))
  const links = (field: string, letter: string) =>
    levels(field).map((level) =>
      link('sysvinit-utils', `etc/rc${level}.d/${letter}01${name}`, `../init.d/${name}`),
    )
  return [...links('Start', 'S'), ...links('Stop', 'K')]
}

const HELPER = 'var/lib/systemd/deb-systemd-helper-enabled'

/** What `deb-systemd-helper enable` makes of a unit: the links of its section `Install`, and its notes of them. */
function madeByUnit(tree: FileTree, unit: string): Made[] {
  const by = 'init-system-helpers'
  const links = unitLinks(tree, unit)
  if (links.length === 0) return []
  return [
    file(by, `${HELPER}/${unit}.dsh-also`),
    ...links.flatMap((path) => [
      link(by, `etc/systemd/system/${path}`, unitTarget(tree, path, unit)),
      ...(path.includes('/') ? [file(by, `${HELPER}/${path}`)] : []),
    ]),
  ]
}

/** Where the link to a unit leads: to the one of two names of its directory that it has. */
function unitTarget(tree: FileTree, path: string, unit: string): string {
  const target = `/lib/systemd/system/${unit}`
  const found = tree.findLink(`etc/systemd/system/${path}`)?.inode.target
  return found === `/usr${target}` ? found : target
}

/** Links that a unit asks for (systemd.unit(5), "[Install]"), below `/etc/systemd/system`. */
export function unitLinks(tree: FileTree, unit: string): string[] {
  const text =
    (tree.read(`usr/lib/systemd/system/${unit}`) ?? tree.read(`lib/systemd/system/${unit}`))?.toString(
      'latin1',
    ) ?? ''
  const values = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].flatMap(([, value = '']) =>
      value.split(/\s+/).filter((word) => word !== ''),
    )
  return [
    ...values('WantedBy').map((target) => `${target}.wants/${unit}`),
    ...values('RequiredBy').map((target) => `${target}.requires/${unit}`),
    ...values('Alias'),
  ]
}

/** The database of update-alternatives, and the links that it says. */
function madeByAlternatives(tree: FileTree, { alternatives }: ScriptEffects): Made[] {
  const by = 'dpkg'
  const isThere = (path: string) => tree.find(path) !== undefined
  return [
    ...[...alternatives].map(([name, calls]) =>
      file(by, `var/lib/dpkg/alternatives/${name}`, { optional: !calls.some(({ path }) => isThere(path)) }),
    ),
    ...[...alternativeLinks(tree)].map(([path, target]) =>
      link(by, path, target, { optional: !isThere(target) }),
    ),
  ]
}
