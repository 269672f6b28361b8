import { createHash } from 'node:crypto'
import { byteCodeSource } from '../../formats/python/byte-code.ts'
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
  const python = /lib\/python([^/]+)\//.exec(`${site}/`)?.[1] ?? '3'
  const programs = scripts(contents.entryPoints ?? '', python)
  const brought = new Set(contents.files.map(({ path }) => path))
  for (const file of contents.files) {
    // made again of the source that comes with it: judged by that
    const code = byteCodeSource(file.path)
    if (code?.tag === `cpython-${python.replace('.', '')}` && brought.has(code.source)) continue
    if (file.path === `${info}/RECORD` || file.path === `${info}/INSTALLER`) continue
    if (programs.has(wrapped(file.path))) continue
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
  if (entry.direct !== undefined) note('direct_url.json', directUrl(entry.direct))
  expectRecord(expected, tree, owner, `${site}/${info}/RECORD`, contents.record ?? '')
  for (const [name, target] of programs) {
    const path = `${prefix}/bin/${name}`
    const actual = tree.read(path)?.toString('latin1')
    const isPips = actual !== undefined && isScriptFor(actual, target)
    expected.add(path, {
      owner,
      type: 'file',
      mode: 0o755,
      uid: 0,
      gid: 0,
      ...(target.optional ? { optional: true } : {}),
      generated: "pip's program for an entry point, which calls what the wheel names",
      digest: { algorithm: 'sha256', value: sha256(isPips ? actual : script(target)) },
    })
  }
}

/** As pip.sh writes it (PEP 610). */
export function directUrl({ url, sha256 }: NonNullable<LockedPackage['direct']>): string {
  const address = JSON.stringify(url).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `{"archive_info": {"hash": "sha256=${sha256}", "hashes": {"sha256": "${sha256}"}}, "url": ${address}}`
}

function fromWheel(owner: string, file: ContentFile): ExpectedFile {
  const { size, sha256: value } = file.script ?? file
  return {
    owner,
    type: 'file',
    size,
    mode: file.mode,
    uid: 0,
    gid: 0,
    digest: { algorithm: 'sha256', value },
  }
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

/** What pip writes anew where a wheel that was installed before and packed again brings it. */
const OF_PIP = /\.dist-info\/(?:INSTALLER|REQUESTED|RECORD|direct_url\.json)$/

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
      file.digest === undefined ||
      /\.data\//.test(file.path) ||
      OF_PIP.test(file.path) ||
      actual.get(file.path) === file.digest.value,
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
  optional?: boolean
}

/** Which program a wheel's own script wraps: pip leaves out what it makes itself. */
function wrapped(path: string): string {
  const [, name = ''] = /^[^/]+\.data\/scripts\/([^/]+)$/s.exec(path) ?? []
  return name.replace(/(?:\.exe|-script\.py|\.pya)$/i, '')
}

/**
 * Programs that pip makes of a wheel: of the sections `console_scripts` and `gui_scripts` of entry_points.txt. Its own and
 * easy_install's it names after the Python at hand, whatever versions the wheel names.
 *
 * @param python `3.11`
 */
function scripts(text: string, python: string): Map<string, EntryPoint> {
  const found = entryPoints(text)
  const rename = (name: string, versioned: RegExp, names: string[]) => {
    const target = found.get(name)
    if (target === undefined) return
    // pip 20.3 leaves out those of one digit alone
    for (const [known, entry] of found)
      if (versioned.test(known)) found.set(known, { ...entry, optional: true })
    for (const each of names) found.set(each, target)
  }
  rename('pip', /^pip(\d+(\.\d+)?)?$/, ['pip', `pip${python.split('.')[0]}`, `pip${python}`])
  rename('easy_install', /^easy_install(-\d+\.\d+)?$/, ['easy_install', `easy_install-${python}`])
  return found
}

function entryPoints(text: string): Map<string, EntryPoint> {
  const found = new Map<string, EntryPoint>()
  let section = ''
  for (const line of text.split('\n')) {
    section = /^\[(.+)\]/.exec(line.trim())?.[1] ?? section
    const [, name, module, attribute] =
      /^\s*([^=\s][^=]*?)\s*=\s*([\w.]+)\s*:\s*([\w.]+)/.exec(line.replace(/[#;].*/, '')) ?? []
    if (name && module && attribute && /^(console|gui)_scripts$/.test(section.trim()))
      found.set(name, { module, attribute })
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
