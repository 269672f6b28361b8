import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { blobOf, type OciImage } from './oci-image.ts'

/**
 * An image in the form of before 2016: manifest v2 schema 1, whose layers are blobs named newest first, signed by a
 * key of nobody (a JSON web signature within the document, as docker/libtrust made it).
 *
 * @param options.layers uncompressed tars, the lowest first
 */
export async function composeSchema1(options: {
  name: string
  tag: string
  layers: Uint8Array[]
}): Promise<OciImage> {
  const blobs = await Promise.all(options.layers.map((layer) => blobOf(gzipSync(layer))))
  const history = blobs.map((_blob, number) => ({
    id: identifier(number),
    ...(number === 0 ? {} : { parent: identifier(number - 1) }),
    created: '2014-01-01T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
  }))
  const manifest = {
    schemaVersion: 1,
    name: options.name,
    tag: options.tag,
    architecture: 'amd64',
    fsLayers: blobs.map(({ digest }) => ({ blobSum: digest })).reverse(),
    history: history.map((entry) => ({ v1Compatibility: JSON.stringify(entry) })).reverse(),
  }
  return {
    mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
    bytes: Buffer.from(signed(JSON.stringify(manifest, null, 3))),
    // the digest of schema 1 leaves the signature out
    digest: `sha256:${createHash('sha256')
      .update(JSON.stringify(manifest, null, 3))
      .digest('hex')}`,
    blobs,
    manifests: [],
  }
}

function identifier(number: number): string {
  return createHash('sha256').update(`layer ${number}`).digest('hex')
}

/** Puts `signatures` as the last field into a JSON object that ends with a line break and a brace. */
function signed(json: string): string {
  const tail = '\n}'
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  const head = {
    formatLength: json.length - tail.length,
    formatTail: base64url(tail),
    time: '2014-01-01T00:00:00Z',
  }
  const protectedHead = base64url(JSON.stringify(head))
  const signature = sign('sha256', Buffer.from(`${protectedHead}.${base64url(json)}`), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  const entry = {
    header: { jwk: { crv: 'P-256', kid: keyId(publicKey), kty: 'EC', x, y }, alg: 'ES256' },
    signature: signature.toString('base64url'),
    protected: protectedHead,
  }
  return `${json.slice(0, -tail.length)},\n   "signatures": ${JSON.stringify([entry])}${tail}`
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** The first 240 bits of the key's sha256 in base32 (RFC 4648), in groups of four. */
export function keyId(key: KeyObject): string {
  const digest = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
  const bits = [...digest.subarray(0, 30)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)],
  )
  return (letters.join('').match(/.{4}/g) ?? []).join(':')
}
