import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { isSameVersion } from '../versions/compare-pep440.ts'
import { parseFileName, versionInFileName } from './distribution-name.ts'

const FILES = [
  ['h3_cab-2026.1.5-py3-none-any.whl', 'h3-cab', '2026.1.5'],
  ['H3.Cab-2026.01.05-1-py3-none-any.whl', 'h3-cab', '2026.01.05'],
  ['a-1.0+cu_1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', 'a', '1.0+cu.1'],
  ['h3-sd-1.0-beta.tar.gz', 'h3-sd', '1.0b0'],
  ['h3-sd-1.0b0.tar.gz', 'h3-sd', '1.0b0'],
  ['h3_sd-1.0.zip', 'h3-sd', '1.0'],
  ['H3.sd-v1.0.tar.bz2', 'h3-sd', '1.0'],
  ['h3-sd-1.0-1.tgz', 'h3-sd', '1.0.post1'],
  ['h3--sd-1!2.0.tar.xz', 'h3-sd', '1!2.0'],
  ['h3-sd-2-1.0.tar.gz', 'h3-sd-2', '1.0'],
] as const

test.each(FILES)('versionInFileName() reads %s as %s %s', (file, name, version) => {
  expect(isSameVersion(versionInFileName(file, name), version)).toBe(true)
})

test.each([
  ['h3_cab-2026.1.5-py3-none-any.whl', 'h3'],
  ['h3-sd-1.0.tar.gz', 'sd'],
  ['h3-sd-.tar.gz', 'h3-sd'],
  ['h3-sd-1.0.exe', 'h3-sd'],
  ['h3-sd-1.0.egg', 'h3-sd'],
  ['h3-sd.tar.gz', 'h3-sd'],
])('%s is no file of %s', (file, name) => {
  expect(versionInFileName(file, name)).toBeUndefined()
})

test('versionInFileName() reads names of source distributions as pip does', ({ skip }) => {
  const program = `
import json, sys
from pip._internal.index.package_finder import _extract_version_from_fragment as read
from pip._internal.utils.misc import splitext
json.dump([read(splitext(f)[0], n) for f, n in json.load(sys.stdin)], sys.stdout)`
  const sources = FILES.filter(([file]) => !file.endsWith('.whl'))
  const result = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(sources.map(([f, n]) => [f, n])),
  })
  if (result.status !== 0) {
    console.log('skipped: no python3 with pip on this machine to compare with')
    skip('no python3 with pip')
  }
  expect(JSON.parse(result.stdout.toString())).toEqual(sources.map(([f, n]) => versionInFileName(f, n)))
})

test('parseFileName() reads what names alone tell', () => {
  expect(parseFileName('Zope.Interface-5.0-py3-none-any.whl')).toEqual({
    name: 'zope-interface',
    version: '5.0',
  })
  expect(parseFileName('a_b-1.0.tar.gz')).toEqual({ name: 'a-b', version: '1.0' })
  expect(parseFileName('a.exe')).toBeUndefined()
})
