import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { StillroomError } from '../../error.ts'
import {
  ImageConfig,
  INDEX_TYPES,
  MANIFEST_TYPES,
  type RegistryDescriptor,
  RegistryIndex,
  RegistryManifest,
} from '../../formats/oci.ts'
import type { LockedImageBase, RegistryLayer } from '../../lock/schema.ts'
import { readConfiguration } from './read-configuration.ts'

/** What a registry alone can tell of a base; what is in its layers is still to be read. */
export type RegistryImage = Omit<LockedImageBase, 'account' | 'indexes' | 'inventory'>

export interface ResolveImageOptions {
  /** With registry and tag or digest written out: for the lock, and for messages. */
  reference: string
  /** What to ask for first: the reference's digest, or else its tag. */
  wanted: string
  platform: string
  /** Reads a manifest, by tag or digest, or a blob of the repository. @throws {StillroomError} when it can't be had */
  get(kind: 'manifests' | 'blobs', name: string, accept: readonly string[]): Promise<Document>
}

/** An answer of a registry. */
export interface Document {
  bytes: Uint8Array
  /** Content-Type, without parameters. */
  mediaType: string
}

/** Asked for, too, so that a registry that has nothing else says what it has. */
const SCHEMA1 = [
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
]
const CONFIGS = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']
const LAYERS: Record<string, RegistryLayer['compression']> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
}

/**
 * Resolves a reference to the manifest of one platform, its config and its layers; each document but what the tag
 * itself names is verified by its digest.
 *
 * @throws {StillroomError} REGISTRY_SCHEMA1; REGISTRY_IMAGE_UNUSABLE; REGISTRY_IMAGE_UNKNOWN when there is none for the
 *   platform; ARTIFACT_MISMATCH; what `get` throws
 */
export async function resolveImage(options: ResolveImageOptions): Promise<RegistryImage> {
  const { reference, wanted, platform, get } = options
  const top = await get('manifests', wanted, [...INDEX_TYPES, ...MANIFEST_TYPES, ...SCHEMA1])
  const topJson = parse(top.bytes, reference)
  const topDigest = digestOf(top.bytes)
  refuseSchema1(top, topJson, reference)
  if (wanted.startsWith('sha256:')) requireDigest(top.bytes, { digest: wanted }, reference)

  const isIndex = 'manifests' in topJson
  const chosen = isIndex
    ? choose(shaped(RegistryIndex, topJson, reference).manifests, platform, reference)
    : undefined
  const manifestBytes = chosen ? (await get('manifests', chosen.digest, MANIFEST_TYPES)).bytes : top.bytes
  if (chosen) requireDigest(manifestBytes, chosen, reference)
  const manifest = shaped(RegistryManifest, parse(manifestBytes, reference), reference)
  if (!CONFIGS.includes(manifest.config.mediaType)) {
    throw unusable(reference, `it is not an image, but "${manifest.config.mediaType}"`)
  }
  const configBytes = (await get('blobs', manifest.config.digest, ['*/*'])).bytes
  requireDigest(configBytes, manifest.config, reference)
  const config = shaped(ImageConfig, parse(configBytes, reference), reference)
  const actual = `${config.os}/${config.architecture}`
  if (actual !== platform) throw unknownPlatform(reference, platform, [actual])
  return {
    kind: 'image',
    reference,
    index: chosen ? topDigest : null,
    manifest: digestOf(manifestBytes),
    config: digestOf(configBytes),
    created: createdOf(config),
    layers: layersOf(manifest, config, reference),
    configuration: readConfiguration(config, reference),
  }
}

function layersOf({ layers }: RegistryManifest, { rootfs }: ImageConfig, reference: string): RegistryLayer[] {
  if (layers.length !== rootfs.diff_ids.length) {
    throw unusable(
      reference,
      `its manifest has ${layers.length} layers, its config ${rootfs.diff_ids.length}`,
    )
  }
  return layers.map(({ mediaType, digest, size }, number) => {
    const compression = LAYERS[mediaType]
    if (compression === undefined) throw unusable(reference, `layer ${number + 1} is of type "${mediaType}"`)
    return { digest, size, compression, diffID: rootfs.diff_ids[number] as string }
  })
}

/** Attestations stand in indexes as images for `unknown/unknown`. */
function choose(
  manifests: readonly RegistryDescriptor[],
  platform: string,
  reference: string,
): RegistryDescriptor {
  const named = manifests.flatMap((entry) =>
    entry.platform ? [{ entry, name: `${entry.platform.os}/${entry.platform.architecture}` }] : [],
  )
  // amd64 has variants (v2, v3), which not every machine can run: the plain one comes first
  const fitting = named.filter(({ name }) => name === platform)
  const [first] = [...fitting].sort(
    (a, b) =>
      Number(a.entry.platform?.variant !== undefined) - Number(b.entry.platform?.variant !== undefined),
  )
  if (first) return first.entry
  throw unknownPlatform(reference, platform, [...new Set(named.map(({ name }) => name))].sort())
}

function refuseSchema1({ mediaType }: Document, json: object, reference: string): void {
  const version = (json as { schemaVersion?: unknown }).schemaVersion
  if (!SCHEMA1.includes(mediaType) && version !== 1) return
  throw new StillroomError(
    'REGISTRY_SCHEMA1',
    `cannot build on ${reference}: expected manifest v2 schema 2 or OCI, got manifest v2 schema 1, of before 2016, which has no config and no digests of the layers' contents`,
    {
      hint: 'with Docker older than 28 `docker pull` it, `docker tag` it again and `docker push` it: the copy has schema 2, and can be named in the recipe. `docker save` keeps it meanwhile',
    },
  )
}

/** ISO 8601 without fractions; some builders give none or the year 1, and then what the newest step says counts. */
function createdOf({ created, history }: ImageConfig): string {
  const first = Date.UTC(1970, 0, 1, 0, 0, 1)
  const own = Date.parse(created ?? '')
  const steps = (history ?? []).map((step) => Date.parse(step.created ?? ''))
  const times = [own > first ? own : Number.NaN, ...(own > first ? [] : steps)].filter((time) => time > first)
  return `${new Date(Math.max(first, ...times)).toISOString().slice(0, 19)}Z`
}

function parse(bytes: Uint8Array, reference: string): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // reported below
  }
  throw unusable(reference, 'the response is not a JSON object')
}

function shaped<T>(schema: z.ZodType<T>, json: object, reference: string): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw unusable(reference, `field "${issue?.path.join('.')}" of what the registry gave: ${issue?.message}`)
}

function requireDigest(
  bytes: Uint8Array,
  expected: { digest: string; size?: number },
  reference: string,
): void {
  const actual = digestOf(bytes)
  if (actual === expected.digest) return
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `cannot use ${reference}: expected a document with digest ${expected.digest}${expected.size === undefined ? '' : ` (${expected.size} bytes)`}, got ${actual} (${bytes.length} bytes)`,
    { hint: 'it was cut short or changed on the way: check what lies between, such as a proxy or a mirror' },
  )
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function unusable(reference: string, reason: string): StillroomError {
  return new StillroomError('REGISTRY_IMAGE_UNUSABLE', `cannot build on ${reference}: ${reason}`)
}

function unknownPlatform(reference: string, platform: string, offered: readonly string[]): StillroomError {
  return new StillroomError(
    'REGISTRY_IMAGE_UNKNOWN',
    `cannot build on ${reference}: expected an image for ${platform}, the registry has ${offered.join(', ') || 'none'}`,
  )
}
