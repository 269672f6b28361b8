import { createHash } from 'node:crypto'
import { parseControl } from '../../formats/deb/deb822.ts'
import { contentOf, type ExpectedFile, type ExpectedFiles } from './expected-files.ts'
import type { ArtifactContents } from './locked-contents.ts'
import { type LockedPackage, packageId } from './locked-packages.ts'

/** A line of dpkg's own: `from` of every package but `by` lies at `to` (dpkg-divert(1)). */
export interface Diversion {
  from: string
  to: string
  by: string
}

/** Reads `/var/lib/dpkg/diversions`: three lines each. */
export function parseDiversions(text: string): Diversion[] {
  const lines = text.split('\n')
  const found: Diversion[] = []
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [from = '', to = '', by = ''] = lines.slice(at, at + 3)
    found.push({ from: from.replace(/^\//, ''), to: to.replace(/^\//, ''), by })
  }
  return found
}

/** What a .deb puts into an image: its files, and what dpkg keeps of it below `/var/lib/dpkg/info`. */
export function expectDeb(
  expected: ExpectedFiles,
  entry: LockedPackage,
  { files, control = {} }: ArtifactContents,
  diversions: readonly Diversion[],
): void {
  const owner = packageId(entry)
  const configuration = new Set((control['conffiles']?.text ?? '').split('\n').map((line) => line.slice(1)))
  const diverted = new Map(
    diversions.filter(({ by }) => by !== entry.name).map(({ from, to }) => [from, to] as const),
  )
  for (const file of files) {
    const { path, mode, uid, gid } = file
    const own: ExpectedFile = { owner, mode, uid, gid, ...contentOf(file) }
    if (configuration.has(path)) own.configuration = true
    expected.add(diverted.get(path) ?? path, own)
  }
  expectControl(expected, entry, owner, files, control)
}

function expectControl(
  expected: ExpectedFiles,
  { name, architecture }: LockedPackage,
  owner: string,
  files: ArtifactContents['files'],
  control: NonNullable<ArtifactContents['control']>,
): void {
  const [fields] = parseControl(control['control']?.text ?? '', { fields: MULTI_ARCH, dialect: 'dpkg' })
  const several = fields?.get('multi-arch')?.toLowerCase() === 'same'
  const prefix = `var/lib/dpkg/info/${name}${several ? `:${architecture}` : ''}`
  const file = (member: string, size: number, sha256: string) =>
    expected.add(`${prefix}.${member}`, {
      owner,
      type: 'file',
      size,
      mode: SCRIPTS.has(member) ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      digest: { algorithm: 'sha256', value: sha256 },
    })
  for (const [member, { size, sha256 }] of Object.entries(control))
    if (member !== 'control') file(member, size, sha256)
  const list = Buffer.from(['/.', ...files.map(({ path }) => `/${path}`), ''].join('\n'), 'latin1')
  file('list', list.length, createHash('sha256').update(list).digest('hex'))
}

const MULTI_ARCH = new Set(['multi-arch'])
const SCRIPTS = new Set(['preinst', 'postinst', 'prerm', 'postrm', 'config'])
