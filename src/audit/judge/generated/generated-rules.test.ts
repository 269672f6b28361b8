import { beforeAll, describe, expect, test } from 'vitest'
import { expectLock } from '../../expect/expect-lock.ts'
import { lockedPackages } from '../../expect/locked-packages.ts'
import { type Change, type SmallImage, smallImage, withLayer } from '../../small-image.test-data.ts'
import type { Judgement } from '../judge-context.ts'
import { hasLock, judgeContext } from '../judge-context.ts'
import { judgeGenerated } from './generated-rules.ts'

let small: SmallImage
beforeAll(async () => {
  small = await smallImage()
})

const text = (path: string) => small.image.tree.read(path)?.toString() ?? expect.unreachable(path)

/** How a generated file is judged, as it is in the small image or after a change. */
async function judge(path: string, changes: Record<string, Change | undefined> = {}): Promise<Judgement> {
  const { image, lock } = Object.keys(changes).length === 0 ? small : await withLayer(small, changes)
  const packages = lockedPackages(lock.locked)
  const context = judgeContext(image, lock, packages, expectLock(image, lock, packages))
  const inode = image.tree.findLink(path)?.inode ?? expect.unreachable(path)
  return (hasLock(context) && judgeGenerated(path, inode, context)) || expect.unreachable(path)
}

const PASSWD = 'etc/passwd'
const MAILER = 'mailer:x:100:101::/nonexistent:/usr/sbin/nologin\n'
const and = (path: string, more: string) => `${text(path)}${more}`
const instead = (path: string, from: string, to: string) => text(path).replace(from, to)

/** A file, what it is made to hold, and what is said of that. */
const WRONG: [path: string, content: () => string, problem: string][] = [
  [PASSWD, () => and(PASSWD, 'eve:x:0:0::/:/bin/sh\n'), '"eve": no package and no recipe makes it: uid 0'],
  [PASSWD, () => and(PASSWD, 'eve::100:0::/:/usr/sbin/nologin\n'), '"eve": its password field is not "x"'],
  [PASSWD, () => instead(PASSWD, 'daemon:x:1:', 'daemon:x:0:'), '"daemon": it is uid 0'],
  [
    PASSWD,
    () => instead(PASSWD, MAILER, MAILER.replace('nologin', 'bash')),
    '"mailer": no package and no recipe',
  ],
  [
    PASSWD,
    () => instead(PASSWD, /^root.*\n/.exec(text(PASSWD))?.[0] ?? '', ''),
    '"root": it is not there any more',
  ],
  ['etc/group', () => instead('etc/group', 'root:x:0:', 'root:x:0:daemon'), 'makes daemon its member'],
  ['etc/group', () => instead('etc/group', 'root:x:', 'root:abc:'), '"root": it has a password'],
  ['etc/group', () => instead('etc/group', 'daemon:x:1', 'daemon:x:2'), '"daemon": its gid is 2, expected 1'],
  [
    'etc/group',
    () => and('etc/group', 'wheel:x:10:\n'),
    '"wheel": no package and no recipe makes it: gid 10',
  ],
  ['etc/shadow', () => instead('etc/shadow', 'root:*', 'root:'), '"root": no password is needed to log in'],
  ['etc/shadow', () => instead('etc/shadow', 'root:*', 'root:$y$abc'), '"root": it has a password'],
  ['etc/shadow', () => and('etc/shadow', 'root:!:::::::\n'), '"root": it is there twice'],
  ['etc/shadow', () => and('etc/shadow', 'eve:!:::::::\n'), '"eve": no user has this name'],
  [
    'etc/gshadow',
    () => instead('etc/gshadow', 'root:*::', 'root:*::daemon'),
    '"root": it has administrators or members',
  ],
  ['etc/gshadow', () => and('etc/gshadow', 'eve:!::\n'), '"eve": no group has this name'],
  ['etc/adduser.conf', () => 'DSHELL=/bin/evil\n', 'it differs from /usr/share/adduser/adduser.conf'],
  ['etc/machine-id', () => 'abc\n', 'it is not empty'],
  ['etc/shells', () => '/tmp/shell\n', 'no package or recipe gives it the line "/tmp/shell"'],
  ['etc/shells', () => '/usr/bin/unknown\n', 'the line "/usr/bin/unknown"'],
  ['etc/timezone', () => 'Etc/GMT\n', 'another time zone than Etc/UTC'],
  [
    'etc/apt/sources.list',
    () => and('etc/apt/sources.list', 'deb x y z\n'),
    'it does not name just the locked snapshots',
  ],
  ['var/lib/dpkg/arch', () => 'amd64\ni386\n', 'it is not just amd64'],
  [
    'var/lib/dpkg/diversions',
    () => '/usr/bin/dpkg\n/usr/bin/dpkg.real\nevil\n',
    '"evil", which is not a locked package',
  ],
  ['var/lib/dpkg/triggers/File', () => '/usr/lib evil\n', 'the line "/usr/lib evil"'],
  [
    'var/lib/dpkg/status',
    () => instead('var/lib/dpkg/status', 'a test', 'my test'),
    'its Description of dpkg is not',
  ],
  [
    'var/lib/dpkg/status',
    () => instead('var/lib/dpkg/status', 'ok installed', 'ok unpacked'),
    'its status of dpkg is',
  ],
  [
    'var/lib/dpkg/status',
    () => instead('var/lib/dpkg/status', 'Status', 'Essential: yes\nStatus'),
    'it has a field Essential',
  ],
  [
    'var/lib/dpkg/alternatives/editor',
    () => instead('var/lib/dpkg/alternatives/editor', 'auto', 'manual'),
    'it is set to "manual"',
  ],
  [
    'var/lib/dpkg/alternatives/editor',
    () => instead('var/lib/dpkg/alternatives/editor', '/usr/bin/vi\n', '/opt/evil\n'),
    'its choices are not those that packages give it',
  ],
  [
    'var/cache/debconf/config.dat',
    () => 'Name: y\nTemplate: y\nOwners: y\n\n',
    'question "y": no package has its template',
  ],
]

describe('judgeGenerated()', () => {
  test.each(WRONG)('%s', async (path, content, problem) => {
    const wrong = await judge(path, { [path]: { content: content() } })
    expect(wrong).toMatchObject({
      status: 'modified',
      issue: { path, message: expect.stringContaining(problem) },
    })
    const account = /^etc\/g?(passwd|shadow)$|^etc\/group$/.test(path)
    expect(wrong.issue?.rule).toBe(account ? 'account' : 'file-modified')
  })

  test.each([...new Set(WRONG.map(([path]) => path))])('%s as it is made', async (path) => {
    expect(await judge(path)).toEqual({ status: 'generated', reason: expect.any(String) })
  })

  test('an account file that others may read or write', async () => {
    const message = async (path: string, change: Change) =>
      (await judge(path, { [path]: change })).issue?.message
    expect(await message('etc/shadow', { mode: 0o644 })).toContain('others may read it')
    expect(await message(PASSWD, { mode: 0o666 })).toContain('others may write it')
    expect(await message(PASSWD, { uid: 1000 })).toContain('its owner 1000')
  })

  test('a user that only the recipe makes, and one that it makes otherwise', async () => {
    const { lock } = small
    const recipe = { ...lock.recipe, user: { name: 'me', uid: 1000, home: '/home/me', shell: '/bin/bash' } }
    const withUser = { ...small, lock: { ...lock, recipe } }
    const judged = async (line: string) => {
      const { image, lock } = await withLayer(withUser, { [PASSWD]: { content: and(PASSWD, line) } })
      const context = judgeContext(image, lock, new Map(), expectLock(image, lock, new Map()))
      const inode = image.tree.find(PASSWD)?.inode ?? expect.unreachable()
      return hasLock(context) ? judgeGenerated(PASSWD, inode, context)?.issue?.message : expect.unreachable()
    }
    expect(await judged('me:x:1000:1000::/home/me:/bin/bash\n')).toBeUndefined()
    expect(await judged('me:x:0:0::/home/me:/bin/bash\n')).toContain('expected uid 1000')
    expect(await judged('')).toContain('"me": it is not there any more')
  })

  test('knows nothing of other paths', async () => {
    const packages = lockedPackages(small.lock.locked)
    const context = judgeContext(
      small.image,
      small.lock,
      packages,
      expectLock(small.image, small.lock, packages),
    )
    const inode = small.image.tree.find('opt/result.txt')?.inode ?? expect.unreachable()
    expect(hasLock(context) && judgeGenerated('opt/result.txt', inode, context)).toBeUndefined()
  })
})
