import { expect, test } from 'vitest'
import { parseControl } from '../../formats/deb/deb822.ts'
import { composeState } from './compose-state.ts'

const installed = (name: string, version: string, more = '', architecture = 'amd64') =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: ${architecture}\nVersion: ${version}\n${more}`
const control = (name: string, version: string, more = '', architecture = 'amd64') =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\n${more}`
const mark = (name: string, is: 0 | 1, architecture = 'amd64') =>
  `Package: ${name}\nArchitecture: ${architecture}\nAuto-Installed: ${is}\n`
const read = (text: string) => [...parseControl(text)].map((stanza) => Object.fromEntries(stanza))

test('adds what steps install to what there is, in the order of names', () => {
  const state = { status: [installed('dash', '1'), installed('zlib1g', '1')].join('\n'), marks: '' }
  const { status, marks } = composeState(state, [
    {
      controls: [control('jq', '2', 'Depends: libjq1 (= 2)\nDescription: x\n more\n .\n text\n')],
      requested: ['jq'],
    },
    { controls: [control('libfoo', '3'), control('a+b', '4', '', 'all')], requested: ['a+b'] },
  ])
  expect(read(status).map((stanza) => stanza.package)).toEqual(['a+b', 'dash', 'jq', 'libfoo', 'zlib1g'])
  expect(read(status)[2]).toEqual({
    package: 'jq',
    status: 'install ok installed',
    version: '2',
    architecture: 'amd64',
    depends: 'libjq1 (= 2)',
    description: 'x\nmore\n.\ntext',
  })
  expect(marks).toBe(mark('libfoo', 1))
})

test('puts a package in the place of its other version, and of no other architecture', () => {
  const state = {
    status: [
      installed('libc6', '1'),
      installed('libc6', '1', '', 'i386'),
      installed('tool', '1', 'Status: hold ok installed\n'),
    ].join('\n'),
    marks: '',
  }
  const step = { controls: [control('libc6', '2'), control('tool', '2', '', 'all')], requested: ['tool'] }
  const { status } = composeState(state, [step])
  expect(read(status).map((stanza) => `${stanza.package} ${stanza.architecture} ${stanza.version}`)).toEqual([
    'libc6 amd64 2',
    'libc6 i386 1',
    'tool all 2',
  ])
})

test('marks what nobody asked for as automatic, and takes that back when a later step asks for it', () => {
  const state = { status: '', marks: [mark('gone', 0), mark('other', 1, 'i386'), mark('was', 1)].join('\n') }
  const first = { controls: [control('liba', '1'), control('tool', '1')], requested: ['tool', 'was'] }
  expect(composeState(state, [first]).marks).toBe(
    [mark('gone', 0), mark('liba', 1), mark('other', 1, 'i386')].join('\n'),
  )
  // apt-mark manual of a package that the step need not install any more
  expect(composeState(state, [first, { controls: [], requested: ['liba'] }]).marks).toBe(
    [mark('gone', 0), mark('other', 1, 'i386')].join('\n'),
  )
})

test('leaves the state of an image as it is when no step follows', () => {
  const state = { status: installed('b', '1') + installed('a', '1'), marks: 'x' }
  expect(composeState(state, [])).toBe(state)
})
