import { createHash } from 'node:crypto'
import { normalizeName } from '../../formats/python/distribution-name.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { InstalledPackage } from '../../inventory/inventory.ts'
import { parentOf } from '../../inventory/tree-paths.ts'
import type { ArtifactContents } from './locked-contents.ts'

/** What a source distribution says of itself: its `PKG-INFO`, and setuptools' `requires.txt`. */
export type SourceMetadata = Pick<ArtifactContents, 'metadata' | 'requires'>

const sha256 = (data: string) => createHash('sha256').update(data, 'latin1').digest('hex')

/**
 * What pip and the build backend note of a wheel that was built from a source distribution, in its `dist-info`: sha256 by
 * path. Of a note that is not what the image and the distribution give there is none.
 *
 * @param isInstalled whether the image has a Python package, of a locked name and version
 */
export function builtNotes(
  tree: FileTree,
  { record, files }: InstalledPackage,
  source: SourceMetadata,
  isInstalled: (name: string, version: string) => boolean,
): Map<string, string> {
  const info = parentOf(record)
  const notes = new Map([
    [`${info}/INSTALLER`, sha256('pip\n')],
    [`${info}/REQUESTED`, sha256('')],
  ])
  const read = (name: string) => tree.read(`${info}/${name}`)?.toString('latin1')
  const add = (name: string, isRight: (text: string) => boolean) => {
    const text = read(name)
    if (text !== undefined && isRight(text)) notes.set(`${info}/${name}`, sha256(text))
  }
  add('RECORD', () =>
    // each of these files is judged by itself; byte code has no hash
    files.every(({ path, digest }) =>
      digest === undefined
        ? path.endsWith('.pyc') || path === `${info}/RECORD`
        : tree.findLink(path)?.inode.sha256 === digest.value,
    ),
  )
  add('WHEEL', (text) => isWheelNote(text, isInstalled))
  const { metadata, requires = '' } = source
  if (metadata !== undefined) add('METADATA', (text) => isMetadataOf(text, metadata, requires))
  return notes
}

/** PyPA "Binary distribution format", "File contents": who made it, of packages that the image has. */
function isWheelNote(text: string, isInstalled: (name: string, version: string) => boolean): boolean {
  const [, generator = '', version = ''] =
    /^Wheel-Version: 1\.0\nGenerator: ([\w-]+) \(?([\w.+!]+)\)?\nRoot-Is-Purelib: (?:true|false)\n(?:Tag: [\w.]+-[\w.]+-[\w.]+\n)+\n*$/.exec(
      text,
    ) ?? []
  return isInstalled(GENERATORS[generator] ?? normalizeName(generator), version)
}

/** Programs that are not called as the package that has them. */
const GENERATORS: Readonly<Record<string, string>> = { bdist_wheel: 'wheel', flit: 'flit-core' }

interface Metadata {
  /** Lower-case names and values, in the order given. */
  fields: [name: string, value: string][]
  body: string
}

/** Core metadata: a description is the body, or of old a field whose lines are indented by eight blanks. */
function parseMetadata(text: string): Metadata {
  const [head = '', ...rest] = text.replaceAll('\r\n', '\n').split(/\n\n(?![ \t])/)
  const fields: Metadata['fields'] = []
  for (const line of head.trimEnd().split('\n')) {
    const [, name, value] = /^([\w-]+):[ \t]?(.*)$/.exec(line) ?? []
    const last = fields.at(-1)
    if (name !== undefined && value !== undefined) fields.push([name.toLowerCase(), value])
    else if (last !== undefined) last[1] += `\n${line.replace(/^(?: {7}\||[ \t]{1,8})/, '')}`
  }
  const description = fields.find(([name]) => name === 'description')?.[1]
  return {
    fields,
    body: rest.length > 0 && rest.join('').trim() !== '' ? rest.join('\n\n') : (description ?? ''),
  }
}

/** Fields that a backend computes, or that only newer ones write. */
const COMPUTED = new Set([
  'metadata-version',
  'description',
  'requires-dist',
  'provides-extra',
  'license-file',
  'dynamic',
])

/** Whether a wheel's metadata says what its source distribution says. */
function isMetadataOf(text: string, pkgInfo: string, requires: string): boolean {
  const [actual, source] = [parseMetadata(text), parseMetadata(pkgInfo)]
  const plain = ({ fields }: Metadata) =>
    fields
      .filter(([name, value]) => !COMPUTED.has(name) && value !== 'UNKNOWN')
      .map((field) => field.join(': '))
      .sort()
      .join('\n')
  const all = ({ fields }: Metadata, wanted: string) =>
    fields.flatMap(([name, value]) => (name === wanted ? [value] : []))
  const given = all(source, 'requires-dist')
  const { needed, extras } = readRequires(requires)
  const expected = new Set((given.length > 0 ? given : needed).map(normalizeRequirement))
  const required = all(actual, 'requires-dist').map(normalizeRequirement)
  const offered = new Set([...all(source, 'provides-extra'), ...extras].map(normalizeName))
  return (
    plain(actual) === plain(source) &&
    new Set(required).size === expected.size &&
    required.every((each) => expected.has(each)) &&
    all(actual, 'provides-extra').every((extra) => offered.has(normalizeName(extra))) &&
    words(actual.body) === words(source.body)
  )
}

/** Without what wrapping and indenting change. */
const words = (body: string) => {
  const text = body.split(/\s+/).join(' ').trim()
  return text === 'UNKNOWN' ? '' : text
}

/** setuptools' `requires.txt`: requirements, below `[EXTRA:MARKER]` those of an extra or under a condition. */
function readRequires(text: string): { needed: string[]; extras: string[] } {
  const needed: string[] = []
  const extras: string[] = []
  let condition = ''
  for (const line of text.split('\n').map((each) => each.trim())) {
    const [, section] = /^\[(.*)\]$/.exec(line) ?? []
    if (section !== undefined) {
      const [, extra = '', marker = ''] = /^([^:]*):?(.*)$/.exec(section) ?? []
      if (extra !== '') extras.push(extra)
      condition = [marker, extra === '' ? '' : `extra == "${extra}"`].filter(Boolean).join(' and ')
    } else if (line !== '') needed.push(condition === '' ? line : `${line} ; ${condition}`)
  }
  return { needed, extras }
}

/** A requirement (PEP 508) in one of the ways it may be written: `a-b[x]<2,>=1;extra=="y"`. */
function normalizeRequirement(text: string): string {
  const [requirement = '', ...marker] = text.split(';')
  const [, name, extras = '', specifiers = ''] =
    /^\s*([\w.-]+)\s*(?:\[([^\]]*)\])?\s*\(?([^)]*)\)?\s*$/.exec(requirement) ?? []
  if (name === undefined) return text.replaceAll(/\s/g, '')
  const list = (items: string) =>
    items
      .split(',')
      .map((each) => each.replaceAll(/\s/g, ''))
      .sort()
      .join()
  const condition = marker
    .join(';')
    .replaceAll(/[()\s]/g, '')
    .replaceAll("'", '"')
  return `${normalizeName(name)}[${list(extras)}]${list(specifiers)};${condition}`
}
