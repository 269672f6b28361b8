import { describe, expect, test } from 'vitest'
import { accountCalls, sysusersCalls } from './account-calls.ts'
import { MadeAccounts, type UserEntry } from './made-accounts.ts'
import { attributeChanges, createdPaths } from './maintainer-scripts.ts'
import { commandsOf } from './shell-commands.ts'
import { tmpfilesEffects } from './tmpfiles.ts'

const lines = (script: string) => commandsOf(script).map((words) => words.join(' '))

describe('commandsOf()', () => {
  test.each<[what: string, script: string, commands: string[]]>([
    ['quotes, escapes and comments', `a "b c" 'd;e' f\\ g # h\n`, ['a b c d;e f g']],
    ['separators', 'a && b || c; d | e & f\n', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['redirections, and words behind them', 'a >/dev/null 2>&1 b < c d\n', ['a b d']],
    [
      'keywords and patterns',
      'if ! a; then b; fi\ncase $1 in x) c;; esac\n',
      ['a', 'b', 'case $1 in x', 'c'],
    ],
    ['no text of a here-document', 'cat > x <<EOF\nchmod 777 /\nEOF\nb\n', ['cat', 'b']],
    ['variables, with defaults', 'A=x\nb $A ${C:-y} "${D}"\n', ['b x y $D']],
    ['each value that a variable gets', 'A=x\nA=y\nb /$A\n', ['b /x', 'b /y']],
    ['what a loop goes through', 'for i in x y; do b $i; done\n', ['for i in x y', 'b x', 'b y']],
    [
      'each word of a list that a loop goes through',
      'L="x y\n  z"\nfor i in $L w; do b /$i; done\n',
      ['for i in x y z w', 'b /x', 'b /y', 'b /z', 'b /w'],
    ],
    [
      'one value in all words of a command',
      'for i in x y; do b /$i $i; done\n',
      ['for i in x y', 'b /x x', 'b /y y'],
    ],
    ['lists of words', 'A="x y"\nb $A "$A"\n', ['b x y x y']],
    ['variables of others', 'U=me\nG="$U"\nb $U:$G\n', ['b me:me']],
    ['a variable of itself', 'A="$A x"\nb "$A"\n', ['b $A x']],
    ['functions by their calls', 'f() {\n  b "$1" $2\n}\nf x y\nf z\n', ['f x y', 'b x y', 'f z', 'b z $2']],
    ['a function that runs its words', 'f() { chroot "$R" "$@"; }\nf b "c d"\n', ['f b c d', 'b c d']],
    ['no output of programs', 'b $(c d) `e`\n', ['b $() $()']],
    [
      'the root of the packages',
      'b "$DPKG_ROOT/etc/x" ${DPKG_ROOT:+--root}\n',
      ['b /etc/x', 'b /etc/x --root'],
    ],
  ])('reads %s', (_, script, commands) => {
    expect(lines(script)).toEqual(commands)
  })
})

/** Excerpts of maintainer scripts in Debian 12 and 13, and what they are to say. */
const POSTGRESQL = `
[ "$DPKG_MAINTSCRIPT_PACKAGE" ] && quiet="--quiet" # RedHat doesn't have this
if ! getent passwd postgres > /dev/null; then
    adduser --system $quiet --home /var/lib/postgresql --no-create-home \\
        --shell /bin/bash --group --gecos "PostgreSQL administrator" postgres
fi
if ! id -Gn postgres | grep -qw postgres; then
    adduser $quiet postgres postgres
fi
mkdir -p /var/log/postgresql
chmod 1775 /var/log/postgresql
chown root:postgres /var/log/postgresql
`
const DBUS = `
MESSAGEUSER=messagebus
in_sysroot() {
    chroot "\${DPKG_ROOT:-/}" "$@"
}
in_sysroot adduser --system \\
        --quiet --home /nonexistent --no-create-home --disabled-password \\
        --group "$MESSAGEUSER"
`
const REDIS = `
USER="redis"
GROUP="$USER"
CONFFILE="/etc/redis/redis.conf"
dpkg-statoverride --update --add \${USER} \${GROUP} 640 \${CONFFILE}
`
const SYSUSERS = `# Type Name ID GECOS Home Shell
u! slurm 64030
u stunnel4 -:stunnel4 "stunnel service system account" /var/run/stunnel4
u sshd -:nogroup "sshd user" /run/sshd
u amavis - "AMaViS system user" /var/lib/amavis /bin/sh
g crontab - -
m stunnel4 ssl-cert
r - 500-900
`

const user = (line: string): UserEntry => {
  const [name = '', , uid = '', gid = '', gecos = '', home = '', shell = ''] = line.split(':')
  return { name, uid, gid, gecos, home, shell }
}

describe('MadeAccounts', () => {
  const groups = new Map([
    ['nogroup', '65534'],
    ['postgres', '104'],
    ['stunnel4', '997'],
    ['amavis', '998'],
    ['slurm', '64030'],
  ])
  const made = new MadeAccounts(
    [
      ...[POSTGRESQL, DBUS].flatMap((script) => accountCalls(commandsOf(script))),
      ...sysusersCalls(SYSUSERS),
      ...accountCalls(
        commandsOf(
          'useradd -r -g 42 -d /srv/job -s /usr/sbin/nologin -c "Job runner" -G adm,ssl-cert job\nusermod -d /var/job job\ngroupadd -f -g 26 tape\ngpasswd -a job tape\naddgroup --quiet --system lpadmin || true\n',
        ),
      ),
    ],
    groups,
  )

  test.each([
    'postgres:x:103:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash',
    'messagebus:x:101:101::/nonexistent:/usr/sbin/nologin',
    'slurm:!:64030:64030::/:/usr/sbin/nologin',
    'stunnel4:x:998:997:stunnel service system account:/var/run/stunnel4:/usr/sbin/nologin',
    'sshd:x:997:65534:sshd user:/run/sshd:/usr/sbin/nologin',
    'amavis:x:996:998:AMaViS system user:/var/lib/amavis:/bin/sh',
    'job:x:995:42:Job runner:/var/job:/usr/sbin/nologin',
  ])('knows %s', (line) => {
    expect(made.hasUser(user(line).name)).toBe(true)
    expect(made.isUser(user(line))).toBe(true)
  })

  test.each([
    ['another shell', 'messagebus:x:101:101::/nonexistent:/bin/bash'],
    ['another home', 'postgres:x:103:104:PostgreSQL administrator,,,:/root:/bin/bash'],
    ['another group', 'sshd:x:997:0:sshd user:/run/sshd:/usr/sbin/nologin'],
    ['another name', 'postgres:x:103:104:someone:/var/lib/postgresql:/bin/bash'],
    ['the id of root', 'messagebus:x:0:101::/nonexistent:/usr/sbin/nologin'],
    ['another id than the fixed one', 'slurm:!:999:64030::/:/usr/sbin/nologin'],
  ])('does not know one with %s', (_, line) => {
    expect(made.isUser(user(line))).toBe(false)
  })

  test('knows groups and their members', () => {
    for (const [name, gid] of [
      ['postgres', '104'],
      ['crontab', '101'],
      ['tape', '26'],
      ['lpadmin', '105'],
      ['slurm', '64030'],
    ] as const)
      expect(made.isGroup(name, gid), name).toBe(true)
    for (const [name, gid] of [
      ['tape', '27'],
      ['crontab', '0'],
      ['other', '101'],
    ] as const)
      expect(made.isGroup(name, gid), name).toBe(false)
    for (const [member, group] of [
      ['postgres', 'postgres'],
      ['stunnel4', 'ssl-cert'],
      ['job', 'adm'],
      ['job', 'tape'],
    ] as const)
      expect(made.isMember(member, group), member).toBe(true)
    expect(made.isMember('postgres', 'sudo')).toBe(false)
  })
})

test('attributeChanges() reads variables, directories with all in them, and the group of a user', () => {
  const script = `${REDIS}chown -R news: /var/lib/news\nchmod 2750 /var/spool/x/*\nchgrp bind /etc/bind/named.conf*\nchmod 1 /var/*/x\ninstall -o root -g adm -m 750 -d /var/log/a /var/log/b\n`
  expect(attributeChanges(commandsOf(script))).toEqual([
    { kind: 'owner', path: '/etc/redis/redis.conf', user: 'redis', group: 'redis' },
    { kind: 'mode', path: '/etc/redis/redis.conf', text: '640' },
    { kind: 'owner', path: '/var/lib/news', isDeep: true, user: 'news', group: 'news' },
    { kind: 'mode', path: '/var/spool/x', names: '*', text: '2750' },
    { kind: 'owner', path: '/etc/bind', names: 'named.conf*', group: 'bind' },
    ...['/var/log/a', '/var/log/b'].flatMap((path) => [
      { kind: 'owner', path, user: 'root', group: 'adm' },
      { kind: 'mode', path, text: '750' },
    ]),
  ])
})

test('createdPaths() names directories with their parents, and empty files', () => {
  expect(
    createdPaths(commandsOf('mkdir -p -m 755 /var/a\ntouch /var/log/x\ninstall -m 644 /dev/null /etc/y\n')),
  ).toEqual([
    { path: '/var', type: 'directory' },
    { path: '/var/a', type: 'directory' },
    { path: '/var/log/x', type: 'file' },
    { path: '/etc/y', type: 'file' },
  ])
})

test('tmpfilesEffects() reads what systemd-tmpfiles makes', () => {
  const text =
    '# x\nd /var/lib/x 2755 root systemd-journal - -\nL /etc/y - - - - ../run/y\nz /var/log/x :0640 root -\nd /run/%H 0755\n'
  expect(tmpfilesEffects(text)).toEqual([
    {
      path: '/var/lib/x',
      type: 'directory',
      changes: [
        { kind: 'owner', path: '/var/lib/x', user: 'root', group: 'systemd-journal' },
        { kind: 'mode', path: '/var/lib/x', text: '2755' },
      ],
    },
    { path: '/etc/y', type: 'symlink', target: '../run/y', changes: [] },
    {
      path: '/var/log/x',
      changes: [
        { kind: 'owner', path: '/var/log/x', user: 'root' },
        { kind: 'mode', path: '/var/log/x', text: '0640' },
      ],
    },
  ])
})
