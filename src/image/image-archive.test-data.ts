import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { pack } from 'tar-stream'

/** One member of a layer for tests; a string is its content. */
export interface Member {
  name: string
  type?: 'file' | 'link' | 'symlink' | 'directory' | 'fifo' | 'character-device' | 'block-device'
  mode?: number
  uid?: number
  gid?: number
  mtime?: Date
  linkname?: string
  devmajor?: number
  devminor?: number
  pax?: Record<string, string>
  content?: string
}

/** A tar archive, packed by another library than the one under test. */
export async function tarOf(members: readonly (Member | [string, Buffer])[]): Promise<Buffer> {
  const archive = pack()
  for (const member of members) {
    if (Array.isArray(member)) archive.entry({ name: member[0] }, member[1])
    else {
      const { content, ...header } = member
      const isFile = (member.type ?? 'file') === 'file'
      archive.entry(
        { mtime: new Date(1_000_000), ...header } as never,
        (isFile ? (content ?? '') : undefined) as string,
      )
    }
  }
  archive.finalize()
  return buffer(archive)
}

export type Compression = 'none' | 'gzip' | 'zstd'

export function compress(bytes: Buffer, compression: Compression): Buffer {
  return { none: (data: Buffer) => data, gzip: gzipSync, zstd: zstdCompressSync }[compression](bytes)
}

/** Of what is hashed here nothing is changed afterwards. */
const digests = new WeakMap<Buffer, string>()
export function sha256(bytes: Buffer | string): string {
  const known = typeof bytes === 'string' ? undefined : digests.get(bytes)
  const hex = known ?? hash('sha256', bytes)
  if (typeof bytes !== 'string') digests.set(bytes, hex)
  return hex
}
export const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const blobPath = (bytes: Buffer) => `blobs/sha256/${sha256(bytes)}`
const digest = (bytes: Buffer) => `sha256:${sha256(bytes)}`

export function configOf(layers: readonly Buffer[], changes: object = {}): Buffer {
  const rootfs = { type: 'layers', diff_ids: layers.map(digest) }
  return json({ architecture: 'amd64', os: 'linux', config: { Env: ['A=1'] }, rootfs, ...changes })
}

/** The files of an archive as current engines save it: both an OCI layout and a manifest.json. */
export function ociFiles(layers: readonly Buffer[], compression: Compression = 'none'): [string, Buffer][] {
  const config = configOf(layers)
  const packed = layers.map((layer) => compress(layer, compression))
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest(config) },
    layers: packed.map((layer) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: digest(layer),
    })),
  })
  const blobs = new Map([config, manifest, ...packed].map((blob) => [blobPath(blob), blob]))
  return [
    ...blobs,
    ['index.json', json({ schemaVersion: 2, manifests: [{ digest: digest(manifest) }] })],
    ['manifest.json', json([{ Config: blobPath(config), RepoTags: null, Layers: packed.map(blobPath) }])],
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
  ]
}

/** The files of an archive as engines before 25 saved it. */
export function legacyFiles(layers: readonly Buffer[]): [string, Buffer][] {
  const config = configOf(layers)
  return [
    ...layers.map((layer, i): [string, Buffer] => [`${i}${sha256(layer).slice(1)}/layer.tar`, layer]),
    [`${sha256(config)}.json`, config],
    [
      'manifest.json',
      json([
        {
          Config: `${sha256(config)}.json`,
          Layers: layers.map((layer, i) => `${i}${sha256(layer).slice(1)}/layer.tar`),
        },
      ]),
    ],
  ]
}

/** A stream of pieces of the given size. */
export function pieces(bytes: Buffer, size = 65_536): AsyncIterable<Uint8Array> {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    })(),
  )
}

/** One 512-byte header with a right checksum; fields as raw bytes (latin1). */
export function tarBlock(fields: Partial<Record<keyof typeof PLACES, string>>): Buffer {
  const block = Buffer.alloc(512)
  const all = {
    mode: '0000644\0',
    uid: '0000000\0',
    gid: '0000000\0',
    size: '00000000000\0',
    mtime: '00000000000\0',
    flag: '0',
    magic: 'ustar\x0000',
    ...fields,
  }
  for (const [name, value] of Object.entries(all))
    block.write(value, PLACES[name as keyof typeof PLACES], 'latin1')
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const PLACES = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  flag: 156,
  linkName: 157,
  magic: 257,
  major: 329,
  minor: 337,
  prefix: 345,
}

export const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`

/** Content padded to whole blocks. */
export function padded(content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1')
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** An extended header of kind `x` with these records. */
export function paxHeader(records: Record<string, string>): Buffer {
  const text = Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`
      let length = rest.length + 1
      while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length
      return `${length}${rest}`
    })
    .join('')
  return Buffer.concat([tarBlock({ name: 'pax', flag: 'x', size: octal(text.length) }), padded(text)])
}
