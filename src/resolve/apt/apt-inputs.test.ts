import { expect, test } from 'vitest'
import { Step } from '../../recipe/schema.ts'
import { bringsApt, mayChangeApt } from './apt-inputs.ts'

const file = (to: string) => ({ kind: 'file', url: 'https://example.org/x', to })

test.each([
  ['a command', { kind: 'run', command: ['true'] }],
  ['a command that cleans up', { kind: 'apt', packages: ['jq'], after: 'rm -rf /usr/share/doc' }],
  ["a build of Python's", { kind: 'pip', requirements: ['gym'], sdists: { gym: [] } }],
  ['a directory that is installed', { kind: 'pip', requirements: [], local: [{ path: '/opt/a' }] }],
  ['a command after pip', { kind: 'pip', requirements: ['six'], after: 'true' }],
  ['a setting of apt', file('/etc/apt/apt.conf.d/99own')],
  ["dpkg's list", file('/var/lib/dpkg/status')],
  ['what may be unpacked anywhere', { ...file('/'), unpack: true }],
  ['a library', file('/usr/local/lib/x.so')],
  ['a repository in the system', { kind: 'git', url: 'https://e.org/x', ref: 'v1', to: '/usr/share/x' }],
  ['a project in the system', { kind: 'project', path: 'x', to: '/etc/x' }],
])('what apt plans by may be changed by %s', (_, step) => {
  expect(mayChangeApt(Step.parse(step))).toBe(true)
})

test.each([
  ['packages', { kind: 'apt', packages: ['jq'], recommends: true }],
  ['wheels', { kind: 'pip', requirements: ['six'], constraints: ['six<2'] }],
  ['a file', file('/opt/mesh.xml')],
  ['a file beside the system', file('/mesh.xml')],
  ['a program', file('/usr/local/bin/tool')],
  ['a repository', { kind: 'git', url: 'https://e.org/x', ref: 'v1', to: '/home/me/x' }],
  ['a project', { kind: 'project', path: 'x', to: '/srv/usr/x' }],
])('what apt plans by stays under %s', (_, step) => {
  expect(mayChangeApt(Step.parse(step))).toBe(false)
})

test.each([
  ['etc/apt/apt.conf.d/50unattended-upgrades', true],
  ['usr/bin/dpkg', true],
  ['bin/apt-get', true],
  ['usr/lib/x86_64-linux-gnu/libapt-pkg.so.6.0.0', true],
  ['usr/lib/python3/dist-packages/apt/cache.py', false],
  ['usr/bin/dpkg-source', false],
  ['usr/share/doc/apt/changelog.gz', false],
])('whether a package with %s brings what apt plans by: %s', (path, brings) => {
  expect(bringsApt({ files: ['usr/bin/x', path] })).toBe(brings)
})
