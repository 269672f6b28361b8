import { z } from 'zod'
import { CONFIG_TYPE, Descriptor, MANIFEST_TYPE, sha256Digest } from './oci.ts'

/** Of a payload: that of cosign's "simple signing". */
const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SIGNATURE = 'dev.cosignproject.cosign/signature'

/** A signature of an image (sigstore's "Cosign Signature Specification"): a layer of the manifest that has all of them. */
export const SignatureLayer = Descriptor.extend({
  mediaType: z.string(),
  size: z.int().nonnegative(),
  annotations: z.record(z.string(), z.string()).nullish(),
})
export type SignatureLayer = z.infer<typeof SignatureLayer>

/** Signatures of an image, in the order in which they were made. */
export const SignatureManifest = z.looseObject({ layers: z.array(SignatureLayer).max(1000) })

/** Where the signatures of an image are, in its own repository. */
export const signatureTag = (digest: string) => `${digest.replace(':', '-')}.sig`

/**
 * What is signed: that a manifest is published under a name.
 *
 * @param repository with its registry, without a tag
 */
export function signaturePayload(repository: string, manifest: string): Buffer {
  return json({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': manifest },
      type: 'cosign container image signature',
    },
    optional: null,
  })
}

/** @param signature of the payload: ECDSA over its sha256, in DER */
export function signatureLayer(payload: Buffer, signature: Buffer): SignatureLayer {
  return {
    mediaType: PAYLOAD_TYPE,
    digest: sha256Digest(payload),
    size: payload.length,
    annotations: { [SIGNATURE]: signature.toString('base64') },
  }
}

/** The signature of a layer; undefined when it has none. */
export function signatureOf({ annotations }: SignatureLayer): Buffer | undefined {
  const text = annotations?.[SIGNATURE]
  return text === undefined ? undefined : Buffer.from(text, 'base64')
}

/** The manifest that has these signatures, and its config. */
export function signatureManifest(layers: readonly SignatureLayer[]): { manifest: Buffer; config: Buffer } {
  const created = '0001-01-01T00:00:00Z'
  const config = json({
    architecture: '',
    created,
    history: layers.map(() => ({ created })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, size: config.length, digest: sha256Digest(config) },
    layers,
  })
  return { manifest, config }
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
