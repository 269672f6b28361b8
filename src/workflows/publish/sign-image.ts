import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { StillroomError } from '../../error.ts'
import {
  SignatureManifest,
  signatureLayer,
  signatureManifest,
  signatureOf,
  signaturePayload,
  signatureTag,
} from '../../formats/cosign-signature.ts'
import { checkShape, parseJson } from '../../formats/json/parse-json.ts'
import { MANIFEST_TYPE, sha256Digest } from '../../formats/oci.ts'
import type { PushTarget } from '../../sources/registry/push.ts'
import { blobOf } from '../../sources/registry/push-referrers.ts'

/**
 * Reads a key that signs images: ECDSA on the curve P-256, PEM, not encrypted.
 *
 * @throws {StillroomError} KEY_UNUSABLE; never with what the file holds
 */
export async function readSigningKey(directory: string, path: string): Promise<KeyObject> {
  const unusable = (
    reason: string,
    hint = 'make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem',
  ) => new StillroomError('KEY_UNUSABLE', `cannot sign with the key "${path}": ${reason}`, { hint })
  const text = await readFile(resolve(directory, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(`it cannot be read (${error.code})`)
  })
  if (/^-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) /m.test(text))
    throw unusable(
      'it is a key of cosign that is encrypted, which is not supported',
      'sign with cosign itself after publishing: cosign sign --key FILE REFERENCE; or give a key that is not encrypted',
    )
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw unusable('it is encrypted', `take the passphrase off a copy: openssl pkey -in ${path} -out key.pem`)
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch {
    // without the cause: a parser's message may show the text
    throw unusable('it is no private key in PEM')
  }
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') return key
  throw unusable(
    `expected an ECDSA key on the curve P-256, got ${[key.asymmetricKeyType, curve].filter(Boolean).join(' ')}`,
  )
}

/**
 * Signs a published image as cosign does, beside the signatures that it has. One that this key has made already stays.
 *
 * @param repository with its registry
 * @throws {StillroomError} PUSH_FAILED, REGISTRY_LOGIN_REFUSED; IMAGE_INVALID when the signatures that are there cannot be read
 */
export async function signImage(
  target: PushTarget,
  key: KeyObject,
  { repository, manifest }: { repository: string; manifest: string },
): Promise<void> {
  const tag = signatureTag(manifest)
  const present = await target.getManifest(tag)
  const name = `the signatures "${tag}"`
  const layers = present ? checkShape(SignatureManifest, parseJson(present.bytes, name), name).layers : []
  const payload = signaturePayload(repository, manifest)
  const isOurs = layers.some((layer) => {
    const signature = layer.digest === sha256Digest(payload) ? signatureOf(layer) : undefined
    return signature !== undefined && verify('sha256', payload, createPublicKey(key), signature)
  })
  if (isOurs) return
  const made = signatureManifest([...layers, signatureLayer(payload, sign('sha256', payload, key))])
  for (const bytes of [payload, made.config]) await target.pushBlob(blobOf(bytes))
  const bytes = made.manifest
  await target.pushManifest({ bytes, mediaType: MANIFEST_TYPE, digest: sha256Digest(bytes) }, tag)
}
