import { expect, test } from 'vitest'
import { fitsWheel, isPrerelease, meetsPython } from './installable.ts'

const bookworm = { version: '3.11.2', libc: { kind: 'glibc' as const, version: '2.36' }, pip: '23.0.1' }
const bullseye = { version: '3.9.2', libc: { kind: 'glibc' as const, version: '2.31' }, pip: '20.3.4' }
const bionic = { version: '3.6.9', libc: { kind: 'glibc' as const, version: '2.27' }, pip: '9.0.1' }
const alpine = { version: '3.11', libc: { kind: 'musl' as const, version: '1.2' }, pip: '23.1' }

test.each([
  ['numpy-2.4.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl', { bookworm, bullseye: false }],
  ['numpy-2.4.0-cp312-cp312-manylinux_2_28_x86_64.whl', { bookworm: false }],
  ['numpy-2.4.0-cp311-cp311-macosx_11_0_arm64.whl', { bookworm: false }],
  ['numpy-2.4.0-cp311-cp311-manylinux_2_27_aarch64.whl', { bookworm: false, bullseye: false }],
  ['numpy-2.4.0-cp311-cp311-win_amd64.whl', { bookworm: false }],
  ['numpy-2.4.0-cp311-cp311-musllinux_1_2_x86_64.whl', { bookworm: false, alpine }],
  ['numpy-2.4.0-cp311-cp311-musllinux_1_3_x86_64.whl', { alpine: false }],
  ['numpy-1.19.5-cp36-cp36m-manylinux1_x86_64.whl', { bionic, bookworm: false }],
  ['numpy-1.19.5-cp36-cp36m-manylinux2010_x86_64.whl', { bionic: false }],
  ['x-1-cp39-cp39-manylinux2014_x86_64.whl', { bullseye, bookworm: false }],
  ['x-1-cp39-cp39-manylinux_2_32_x86_64.whl', { bullseye: false }],
  ['cryptography-46.0.0-cp311-abi3-manylinux_2_34_x86_64.whl', { bookworm, bullseye: false }],
  ['cryptography-46.0.0-cp38-abi3-manylinux_2_28_x86_64.whl', { bookworm, bullseye }],
  ['x-1-cp313-abi3-manylinux_2_28_x86_64.whl', { bookworm: false }],
  ['x-1-cp313-cp313t-manylinux_2_28_x86_64.whl', { bookworm: false }],
  ['six-1.17.0-py2.py3-none-any.whl', { bookworm, bullseye, bionic, alpine }],
  ['x-1-py2-none-any.whl', { bookworm: false }],
  ['x-1-py312-none-any.whl', { bookworm: false }],
  ['x-1-py38-none-any.whl', { bookworm, bionic: false }],
  ['x-1-1build-py3-none-linux_x86_64.whl', { bookworm, alpine }],
  ['torch-2.1-cp311-none-linux_x86_64.whl', { bookworm }],
  ['x-1-pp39-pypy39_pp73-manylinux_2_17_x86_64.whl', { bullseye: false }],
  ['x-1.tar.gz', { bookworm: false }],
])('%s fits where its tags say so', (file, expected) => {
  const platforms = { bookworm, bullseye, bionic, alpine }
  for (const [name, fits] of Object.entries(expected))
    expect([name, fitsWheel(file, platforms[name as keyof typeof platforms])]).toEqual([name, fits !== false])
})

test('wheels with compiled code fit nowhere when the C library is not known', () => {
  const unknown = { version: '3.11.2', pip: '23.0.1' }
  expect(fitsWheel('x-1-cp311-cp311-linux_x86_64.whl', unknown)).toBe(false)
  expect(fitsWheel('x-1-py3-none-any.whl', unknown)).toBe(true)
})

test.each([
  ['3.11.2', '>=3.8', true],
  ['3.11.2', '>=3.12', false],
  ['3.9.2', '>=3.7, !=3.9.2', false],
  ['3.9.2', '>=3.7,<3.13', true],
  ['3.11.2', '', true],
  ['3.11.2', 'nonsense', true],
  ['3.11', '>=3.11', true],
  ['3.11', '>=3.11.4', false],
  ['3.11', '!=3.11.0', false],
])('Python %s meets %j: %s', (version, required, expected) => {
  expect(meetsPython({ version }, required)).toBe(expected)
})

test('pre-releases are those of PEP 440', () => {
  const versions = ['1.0', '1.0rc1', '1.0.dev3', '1.0.post1', '1.0b2.post1', '2024.1', '1.0+local']
  expect(versions.filter(isPrerelease)).toEqual(['1.0rc1', '1.0.dev3', '1.0b2.post1'])
})
