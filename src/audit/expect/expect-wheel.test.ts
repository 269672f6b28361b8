import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FileTree } from '../../image/file-tree.ts'
import { sha256 } from '../../image/image-archive.test-data.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { MutableNode } from '../../image/mutable-tree.test-data.ts'
import { directUrl, expectWheel, findSites } from './expect-wheel.ts'
import { ExpectedFiles } from './expected-files.ts'
import type { ArtifactContents } from './locked-contents.ts'
import type { LockedPackage } from './locked-packages.ts'

/** A wheel as it is on the index, and what pip 23.2 of Python 3.11 made of it below `/usr/local`; large ones cut. */
interface RecordedWheel {
  name: string
  version: string
  file: string
  wheel: ArtifactContents
  installed: { path: string; mode: number; size: number; sha256: string; text?: string }[]
}

const WHEELS = ['six', 'jmespath', 'cowsay', 'pybind11-global'] as const
const recorded = (name: string): RecordedWheel =>
  JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8'))

const SITE = 'usr/local/lib/python3.11/dist-packages'

function nodeOf(fields: Partial<Inode>): MutableNode {
  const inode = { type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, sha256: '', ...fields } as Inode
  return { inode, children: inode.type === 'directory' ? new Map() : undefined }
}

function treeOf(files: RecordedWheel['installed']): FileTree {
  const root = nodeOf({})
  for (const { path, mode, size, sha256, text } of files) {
    let node = root
    const names = path.split('/')
    for (const name of names.slice(0, -1)) {
      const next = node.children?.get(name) ?? nodeOf({})
      node.children?.set(name, next)
      node = next
    }
    const content = text === undefined ? {} : { content: Buffer.from(text) }
    node.children?.set(names.at(-1) ?? '', nodeOf({ type: 'file', mode, size, sha256, ...content }))
  }
  return new FileTree(root)
}

/** What is expected of a wheel in a tree, by path. */
function expectedOf({ name, version, file, wheel }: RecordedWheel, tree: FileTree) {
  const expected = new ExpectedFiles(tree)
  const artifact = { file, size: 1, sha256: '0'.repeat(64) }
  const entry: LockedPackage = { kind: 'pypi', name, version, step: 'pip-1', artifact }
  expectWheel(expected, tree, entry, wheel, findSites(tree))
  return new Map([...expected.entries()].map(([path, [first]]) => [path, first ?? expect.unreachable()]))
}

/** Paths whose content, mode or presence is not what is expected. */
function wrongPaths(wheel: RecordedWheel, installed = wheel.installed): string[] {
  const expected = expectedOf(wheel, treeOf(installed))
  const present = new Map(installed.map((file) => [file.path, file]))
  const wrong = [...expected].filter(([path, { digest, mode, optional }]) => {
    const file = present.get(path)
    return file === undefined ? !optional : digest?.value !== file.sha256 || mode !== file.mode
  })
  return [...wrong.map(([path]) => path), ...[...present.keys()].filter((path) => !expected.has(path))]
}

const withText = (wheel: RecordedWheel, path: string, change: (text: string) => string) =>
  wheel.installed.map((file) => {
    if (file.path !== path) return file
    const text = change(file.text ?? '')
    return { ...file, text, size: text.length, sha256: sha256(text) }
  })

describe('expectWheel()', () => {
  test.each(WHEELS)('expects just what pip makes of %s', (name) => {
    expect(wrongPaths(recorded(name))).toEqual([])
  })

  test('knows where scripts, data and headers belong', () => {
    const paths = (name: string) => [...expectedOf(recorded(name), treeOf(recorded(name).installed)).keys()]
    expect(paths('jmespath')).toContain('usr/local/bin/jp.py')
    expect(paths('cowsay')).toContain('usr/local/bin/cowsay')
    expect(paths('pybind11-global')).toContain('usr/local/share/pkgconfig/pybind11.pc')
    expect(paths('pybind11-global')).toContain('usr/include/python3.11/pybind11-global/pybind11/attr.h')
  })

  test.each(WHEELS)('does not take a RECORD of %s that says otherwise of a file', (name) => {
    const wheel = recorded(name)
    const path = wheel.installed.find((file) => file.path.endsWith('RECORD'))?.path ?? expect.unreachable()
    const other = (text: string) => text.replace(/(METADATA,sha256=).{8}/, '$1AAAAAAAA')
    expect(wrongPaths(wheel, withText(wheel, path, other))).toEqual([path])
    const shorter = (text: string) => text.replace(/.*METADATA.*\r?\n/, '')
    expect(wrongPaths(wheel, withText(wheel, path, shorter))).toEqual([path])
  })

  test('takes programs as other releases of pip write them, and no other', () => {
    const cowsay = recorded('cowsay')
    const program = 'usr/local/bin/cowsay'
    const wrong = (change: (text: string) => string) => wrongPaths(cowsay, withText(cowsay, program, change))
    expect(wrong((text) => text.replace('(-script\\.pyw|', '(-script\\.pyw?|'))).toEqual([])
    expect(wrong((text) => text.replace('import re\n', ''))).toEqual([])
    expect(wrong((text) => text.replace('__main__ import cli', '__main__ import evil'))).toEqual([program])
    expect(wrong((text) => text.replace('import sys\n', 'import sys\nimport evil\n'))).toEqual([program])
    expect(wrong((text) => text.replace('/usr/bin/python3', '/tmp/python3'))).toEqual([program])
  })

  test("names pip's own programs after the Python at hand, whatever versions its wheel names", () => {
    const cowsay = recorded('cowsay')
    const program =
      cowsay.installed.find(({ path }) => path === 'usr/local/bin/cowsay') ?? expect.unreachable()
    const main = 'cowsay.__main__:cli'
    const entryPoints = ['pip', 'pip3', 'pip3.10'].map((name) => `${name} = ${main}\n`).join('')
    const wheel = { ...cowsay, wheel: { ...cowsay.wheel, entryPoints: `[console_scripts]\n${entryPoints}` } }
    const others = cowsay.installed.filter((file) => file !== program)
    const as = (...names: string[]) => names.map((name) => ({ ...program, path: `usr/local/bin/${name}` }))
    expect(wrongPaths(wheel, [...others, ...as('pip', 'pip3', 'pip3.11')])).toEqual([])
    // pip 20.3 knows versions of one digit only
    expect(wrongPaths(wheel, [...others, ...as('pip', 'pip3', 'pip3.11', 'pip3.10')])).toEqual([])
    expect(wrongPaths(wheel, [...others, ...as('pip', 'pip3', 'pip3.10')])).toEqual(['usr/local/bin/pip3.11'])
    expect(wrongPaths(wheel, [...others, ...as('pip', 'pip3', 'pip3.11', 'pip4')])).toEqual([
      'usr/local/bin/pip4',
    ])
  })

  test('leaves out the script that an entry point makes, and what pip writes anew', () => {
    const cowsay = recorded('cowsay')
    const file = cowsay.wheel.files.find(({ path }) => path.endsWith('METADATA')) ?? expect.unreachable()
    const more = ['cowsay-6.1.data/scripts/cowsay', file.path.replace('METADATA', 'INSTALLER')]
    const record = `${cowsay.wheel.record}${more[1]},sha256=${'A'.repeat(43)},4\n`
    const files = [...cowsay.wheel.files, ...more.map((path) => ({ ...file, path }))]
    expect(wrongPaths({ ...cowsay, wheel: { ...cowsay.wheel, files, record } })).toEqual([])
  })

  test('expects byte code that a wheel brings where the build makes none of its source', () => {
    const cowsay = recorded('cowsay')
    const file = cowsay.wheel.files.find(({ path }) => path === 'cowsay/main.py') ?? expect.unreachable()
    const code = (name: string) => `cowsay/__pycache__/${name}.pyc`
    const more = ['main.cpython-311', 'main.cpython-312', 'lost.cpython-311'].map(code)
    const files = [...cowsay.wheel.files, ...more.map((path) => ({ ...file, path }))]
    const expected = expectedOf({ ...cowsay, wheel: { ...cowsay.wheel, files } }, treeOf(cowsay.installed))
    expect(more.map((path) => expected.has(`${SITE}/${path}`))).toEqual([false, true, true])
  })

  test('expects the address that a wheel was required by, in the words of the build', () => {
    const six = recorded('six')
    const direct = { url: 'https://example.org/ü/six.whl', sha256: 'ab'.repeat(32) }
    const text = directUrl(direct)
    const fields = { hash: `sha256=${direct.sha256}`, hashes: { sha256: direct.sha256 } }
    expect(JSON.parse(text)).toEqual({ archive_info: fields, url: direct.url })
    const python = spawnSync(
      'python3',
      ['-c', 'import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin)))'],
      {
        input: text,
      },
    )
    if (python.status === 0) expect(python.stdout.toString()).toBe(text)
    const tree = treeOf(six.installed)
    const expected = new ExpectedFiles(tree)
    const artifact = { file: six.file, size: 1, sha256: '0'.repeat(64) }
    const { name, version } = six
    expectWheel(expected, tree, { kind: 'pypi', name, version, step: 'pip-1', artifact, direct }, six.wheel, [
      SITE,
    ])
    const [note] = expected.at(`${SITE}/six-${version}.dist-info/direct_url.json`)
    expect(note?.digest?.value).toBe(sha256(text))
  })

  test('names what is missing and what has another mode', () => {
    const six = recorded('six')
    const path = `${SITE}/six.py`
    expect(
      wrongPaths(
        six,
        six.installed.filter((file) => file.path !== path),
      ),
    ).toEqual([path])
    expect(
      wrongPaths(
        six,
        six.installed.map((file) => (file.path === path ? { ...file, mode: 0o777 } : file)),
      ),
    ).toEqual([path])
  })

  test('expects nothing where there is no Python', () => {
    expect(expectedOf(recorded('six'), treeOf([]))).toEqual(new Map())
  })
})
