import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { makeTar, type TarContent, withDirectories } from './make-tar.ts'

/** A Debian package with what an index says of it. */
export interface Deb {
  name: string
  version: string
  /** Below the archive's root. */
  path: string
  bytes: Buffer
  sha256: string
  /** Its stanza of a Packages file. */
  stanza: string
}

export interface DebOptions {
  name: string
  version: string
  /** By absolute path. */
  files?: Readonly<Record<string, TarContent>>
  depends?: string
}

/** Compressors differ between machines. */
const STORED = { level: 0 }

/** Makes a package for every architecture (deb(5)); the same options give the same bytes. */
export async function makeDeb({ name, version, files = {}, depends }: DebOptions): Promise<Deb> {
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Test <test@example.org>',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    'Section: misc',
    'Priority: optional',
    'Description: made by a test',
    '',
  ].join('\n')
  const own = { [`/usr/share/doc/${name}/version`]: `${version}\n`, ...files }
  // dpkg wants each directory before what lies in it
  const placed = withDirectories(
    Object.fromEntries(Object.entries(own).map(([path, content]) => [`.${path}`, content])),
  )
  const bytes = archive({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar.gz': gzipSync(await makeTar({ './': { directory: true }, './control': control }), STORED),
    'data.tar.gz': gzipSync(await makeTar(placed), STORED),
  })
  const path = `pool/main/${name[0]}/${name}/${name}_${version}_all.deb`
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const stanza = `${control}Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`
  return { name, version, path, bytes, sha256, stanza }
}

/** The common format of ar(5). */
function archive(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')]
  for (const [name, bytes] of Object.entries(members)) {
    const head = [name.padEnd(16), '1704067200'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)]
    parts.push(Buffer.from(`${head.join('')}${String(bytes.length).padEnd(10)}\`\n`), bytes)
    if (bytes.length % 2 === 1) parts.push(Buffer.from('\n'))
  }
  return Buffer.concat(parts)
}
