import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeWheel } from '../../../test/world/python-distributions.ts'
import { readWheel } from './read-artifact.ts'

test('readWheel() makes executable what pip does: regular files alone, and scripts as they are', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-wheel-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'x.whl')
  const modes = {
    program: 0o100755,
    plain: 0o100644,
    link: 0o120777,
    untyped: 0o755,
    'data/scripts/run': 0o100644,
  }
  const files = { program: '', plain: '', link: 'plain', untyped: '' }
  const data = { 'scripts/run': '#!python -E\nprint()\n' }
  await writeFile(path, makeWheel({ name: 'x', version: '1', files, data, modes }).bytes)
  const contents = await readWheel(path)
  const modeOf = (name: string) => contents.files.find((file) => file.path === name)?.mode.toString(8)
  expect(Object.keys(files).map((name) => [name, modeOf(name)])).toEqual([
    ['program', '755'],
    ['plain', '644'],
    ['link', '644'],
    ['untyped', '644'],
  ])
  const script = contents.files.find((file) => file.path === 'x-1.data/scripts/run')
  expect([script?.mode, script?.script?.size]).toEqual([0o644, '#!/usr/bin/python3\nprint()\n'.length])
})
