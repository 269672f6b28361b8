import { createHash } from 'node:crypto'
import type { FileTree } from '../../image/file-tree.ts'
import { readRecord } from '../../inventory/python-record.ts'
import type { ExpectedFile, ExpectedFiles } from './expected-files.ts'
import type { ArtifactContents, ContentFile } from './locked-contents.ts'
import { INTERPRETER } from './locked-contents.ts'
import { type LockedPackage, packageId } from './locked-packages.ts'

/** Directories that a Python installs into: `usr/local/lib/python3.11/dist-packages`. */
export function findSites(tree: FileTree): string[] {
  const sites: string[] = []
  for (const prefix of ['usr/local', 'usr', 'opt/conda'])
    for (const name of tree.list(`${prefix}/lib`))
      if (/^python3/.test(name))
        for (const kind of ['dist-packages', 'site-packages']) {
          const found = tree.find(`${prefix}/lib/${name}/${kind}`)
          if (found?.inode.type === 'directory') sites.push(found.path)
        }
  return sites
}

const NOTES = "pip's notes of what it installed"
const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex')

/**
 * What pip makes of a wheel (PyPA "Binary distribution format", "Installing a wheel"): its files in the site, those of
 * `NAME.data` where their kind belongs, a program for each script and entry point, and its own notes.
 */
export function expectWheel(
  expected: ExpectedFiles,
  tree: FileTree,
  entry: LockedPackage,
  contents: ArtifactContents,
  sites: readonly string[],
): void {
  const owner = packageId(entry)
  const info = contents.files.map(({ path }) => /^[^/]+\.dist-info(?=\/)/.exec(path)?.[0]).find(Boolean) ?? ''
  const site = sites.find((path) => tree.find(`${path}/${info}`) !== undefined) ?? sites[0]
  if (site === undefined) return
  const prefix = site.replace(/\/?lib\/[^/]+\/[^/]+$/, '')
  for (const file of contents.files) {
    if (file.path === `${info}/RECORD`) continue
    const paths = installedPaths(file.path, site, prefix, entry.name)
    const path = paths.find((each, i) => i === paths.length - 1 || tree.findLink(each) !== undefined)
    if (path !== undefined) expected.add(path, fromWheel(owner, file))
  }
  const noted = tree.read(`${site}/${info}/RECORD`)?.toString('latin1') ?? ''
  const note = (name: string, text: string) =>
    expected.add(`${site}/${info}/${name}`, {
      owner,
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      generated: NOTES,
      optional: !noted.includes(`${info}/${name},`),
      digest: { algorithm: 'sha256', value: sha256(text) },
    })
  note('INSTALLER', 'pip\n')
  note('REQUESTED', '')
  expectRecord(expected, tree, owner, `${site}/${info}/RECORD`, contents.record ?? '')
  for (const [name, target] of scripts(contents.entryPoints ?? '')) {
    const path = `${prefix}/bin/${name}`
    const actual = tree.read(path)?.toString('latin1')
    const isPips = actual !== undefined && isScriptFor(actual, target)
    expected.add(path, {
      owner,
      type: 'file',
      mode: 0o755,
      uid: 0,
      gid: 0,
      generated: "pip's program for an entry point, which calls what the wheel names",
      digest: { algorithm: 'sha256', value: sha256(isPips ? actual : script(target)) },
    })
  }
}

function fromWheel(owner: string, file: ContentFile): ExpectedFile {
  const { size, sha256: value } = file.script ?? file
  const mode = file.script === undefined ? file.mode : 0o755
  return { owner, type: 'file', size, mode, uid: 0, gid: 0, digest: { algorithm: 'sha256', value } }
}

/** Where pip puts a file of a wheel: one path, but for headers, which have two, by the release of Debian. */
function installedPaths(path: string, site: string, prefix: string, name: string): string[] {
  const [, kind, rest = ''] = /^[^/]+\.data\/([^/]+)\/(.*)$/s.exec(path) ?? []
  const python = /lib\/([^/]+)\//.exec(`${site}/`)?.[1] ?? 'python3'
  switch (kind) {
    case undefined:
      return [`${site}/${path}`]
    case 'purelib':
    case 'platlib':
      return [`${site}/${rest}`]
    case 'scripts':
      return [`${prefix}/bin/${rest}`]
    case 'data':
      return [`${prefix}/${rest}`]
    case 'headers':
      return [prefix, prefix.replace(/\/local$/, '')].map(
        (each) => `${each}/include/${python}/${name}/${rest}`,
      )
    default:
      return []
  }
}

/** The RECORD that pip writes must say of the wheel's own files what the wheel says; else nothing is a RECORD. */
function expectRecord(
  expected: ExpectedFiles,
  tree: FileTree,
  owner: string,
  path: string,
  original: string,
): void {
  const text = tree.read(path)?.toString('latin1') ?? ''
  const site = path.replace(/\/[^/]+\/RECORD$/, '')
  const actual = new Map(readRecord(text, site).files.map((file) => [file.path, file.digest?.value]))
  const same = readRecord(original, site).files.every(
    (file) =>
      file.digest === undefined || /\.data\//.test(file.path) || actual.get(file.path) === file.digest.value,
  )
  expected.add(path, {
    owner,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    generated: NOTES,
    digest: { algorithm: 'sha256', value: same ? sha256(text) : sha256(original) },
  })
}

interface EntryPoint {
  module: string
  attribute: string
}

/** Programs that a wheel asks for: section `console_scripts` of entry_points.txt, and `gui_scripts`. */
function scripts(text: string): [name: string, target: EntryPoint][] {
  const found: [string, EntryPoint][] = []
  let section = ''
  for (const line of text.split('\n')) {
    section = /^\[(.+)\]/.exec(line.trim())?.[1] ?? section
    const [, name, module, attribute] =
      /^\s*([^=\s]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)/.exec(line.replace(/[#;].*/, '')) ?? []
    if (name && module && attribute && /^(console|gui)_scripts$/.test(section.trim()))
      found.push([name, { module, attribute }])
  }
  return found
}

/** As pip 23 writes it. */
function script({ module, attribute }: EntryPoint): string {
  const [name = ''] = attribute.split('.')
  return [
    `#!${INTERPRETER}`,
    '# -*- coding: utf-8 -*-',
    'import re',
    'import sys',
    `from ${module} import ${name}`,
    "if __name__ == '__main__':",
    "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])",
    `    sys.exit(${attribute}())`,
    '',
  ].join('\n')
}

/** Lines that releases of pip write between the import and the call: how they clean the program's name. */
const CLEANING = new Set([
  "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])",
  "    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])",
  "    if sys.argv[0].endswith('.exe'):",
  '        sys.argv[0] = sys.argv[0][:-4]',
])

/** Whether a program is what some pip writes for an entry point. */
function isScriptFor(text: string, target: EntryPoint): boolean {
  const reduce = (program: string) =>
    program.split('\n').filter((line) => line !== 'import re' && line !== '' && !CLEANING.has(line))
  return reduce(text).join('\n') === reduce(script(target)).join('\n')
}
