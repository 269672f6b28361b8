import { beforeAll, expect, it } from 'vitest'
import type { FileTree } from '../../../image/file-tree.ts'
import { recorded, treeOfLayer } from '../../../inventory/tree.test-data.ts'
import { ExpectedFiles } from '../../expect/expected-files.ts'
import type { LockedContext } from '../judge-context.ts'
import { extendedStatesProblem, statusProblem } from './dpkg-state.ts'
import type { GeneratedFile } from './generated-file.ts'

const STATUS = 'var/lib/dpkg/status'

let status: string
let context: LockedContext

beforeAll(async () => {
  const tree: FileTree = await treeOfLayer(recorded('dpkg-trixie.tar.gz'))
  // what was removed has a stanza and no .deb
  const stanzas = (tree.read(STATUS)?.toString('latin1') ?? '')
    .split(/(?<=\n)\n/)
    .filter((text) => text !== '')
  const installed = stanzas.filter((text) => text.includes('\nStatus: install ok installed\n'))
  status = installed.join('\n')
  const artifacts = installed.map((text, at) => {
    const control = text.replace(/^Status: .*\n/m, '').replace(/^Conffiles:\n(?: .*\n)*/m, '')
    return [`${at}`, { control: { control: { text: control } } }] as const
  })
  context = {
    image: { tree },
    expected: new ExpectedFiles(tree),
    lock: { contents: { artifacts: new Map(artifacts) } },
  } as unknown as LockedContext
})

const problemOf = (text: string) => statusProblem({ text } as GeneratedFile, context)

it('statusProblem() accepts what dpkg recorded', () => {
  expect(status.match(/^Package:/gm)).toHaveLength(6)
  expect(problemOf(status)).toBeUndefined()
})

// as dpkg writes of desktop-file-utils in Debian 13, which asks for its removal alone (deb-conffiles(5))
const GONE = 'Conffiles:\n /etc/gnome/defaults.list newconffile remove-on-upgrade\n'

it('statusProblem() accepts a configuration file that a package wants removed, where it is not there', () => {
  const noted = (text: string) => status.replace('Architecture:', `${text}Architecture:`)
  expect(problemOf(noted(GONE))).toBeUndefined()
  expect(problemOf(noted(GONE.replace(' remove-on-upgrade', '')))).toContain('digest of a configuration file')
  expect(problemOf(noted(GONE.replace('/etc/gnome/defaults.list', `/${STATUS}`)))).toContain('digest of')
})

// as of binutils-common in Debian 13, whose /etc/gprofng.rc is binutils' now
it('statusProblem() accepts one that a package wants removed and another package has, as that one has it', () => {
  const { tree } = context.image
  const path = 'etc/gprofng.rc'
  const found = (value: string) => {
    const inode = { type: 'file', sha256: value }
    const moved = { ...tree, find: (at: string) => (at === `/${path}` ? { path, inode } : tree.find(at)) }
    const expected = new ExpectedFiles(tree)
    expected.add(path, {
      owner: 'deb/binutils',
      type: 'file',
      digest: { algorithm: 'sha256', value: 'its' },
    })
    const text = status.replace(
      'Architecture:',
      `Conffiles:\n /${path} newconffile remove-on-upgrade\nArchitecture:`,
    )
    return statusProblem(
      { text } as GeneratedFile,
      { ...context, image: { tree: moved }, expected } as LockedContext,
    )
  }
  expect(found('its')).toBeUndefined()
  expect(found('another')).toContain('digest of a configuration file')
})

it.each([
  ['Status: install ok installed', 'Status: install ok half-installed', 'its status of base-passwd'],
  ['Installed-Size: ', 'Installed-Size: 1', 'its Installed-Size of base-passwd'],
  ['\n This package', '\n That package', 'its Description of hostname'],
  ['Multi-Arch: foreign\n', '', 'its Multi-Arch of base-passwd'],
  ['\nStatus:', '\nx-mine: 1\nStatus:', 'a field X-Mine of base-passwd'],
  ['\nStatus:', '\n#x: 1\nStatus:', 'a field #x of base-passwd'],
  ['\nStatus:', '\nSection: admin\nSection: mine\nStatus:', 'lines of base-passwd that are not a field'],
  ['\nStatus:', '\nhidden\nStatus:', 'lines of base-passwd that are not a field'],
])('statusProblem() finds %j as %j', (from, to, problem) => {
  expect(status).toContain(from)
  expect(problemOf(status.replace(from, to))).toContain(problem)
})

it('extendedStatesProblem() names a package that is not locked', () => {
  const text = 'Package: dash\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: netcat\nAuto-Installed: 1\n'
  const debs = new Set(['dash'])
  expect(
    extendedStatesProblem({ text, inode: {} } as GeneratedFile, { debs } as unknown as LockedContext),
  ).toBe('it names netcat, which is not a locked package')
})
