import type { PublicKey } from 'openpgp'
import { StillroomError } from '../../error.ts'
import { parseRelease, type ReleaseFile } from './parse-release.ts'
import { splitRelease } from './release-file.ts'
import { type Signed, verifySignatures } from './verify-signatures.ts'

export interface VerifyReleaseOptions {
  /** ASCII-armored public keys that may sign. */
  keys: readonly string[]
  now: Date
  /** What the bytes came from, for messages; without credentials. */
  source?: string
  /** The bytes are those a lockfile names by digest, so they need not be the archive's current ones. */
  pinned?: boolean
}

/** The only lines that begin with five dashes: signed text is dash-escaped (RFC 9580, section 7.2). */
const MARKERS = [
  '-----BEGIN PGP SIGNED MESSAGE-----',
  '-----BEGIN PGP SIGNATURE-----',
  '-----END PGP SIGNATURE-----',
]

/** Whether a text is one clearsigned message from its first byte to its last, with nothing unsigned around it. */
function isClearsigned(text: string): boolean {
  const markers = text.match(/^-----.*$/gm)?.map((line) => line.trimEnd()) ?? []
  const [begin = '', , end = ''] = MARKERS
  return markers.join() === MARKERS.join() && text.startsWith(begin) && text.trimEnd().endsWith(end)
}

/**
 * Checks that an InRelease file, or a Release file with its signature behind it, is signed by an allowed key and still current, and reads the signed text alone.
 *
 * A key counts when it was valid at the time the signature was made. gpgv and apt ask whether it is valid today,
 * which makes every archived suite unreadable once its keys expire; a lockfile must outlive them. What that leaves
 * open, a signature dated back with the stolen key of an expired suite, is what revocation is for: a revoked key
 * never counts, whenever it signed. A signature from the future doesn't count either. As in apt, a broken signature
 * by an allowed key spoils the file even when another one is good.
 *
 * @returns the Release file and the primary keys that signed it, as upper-case fingerprints, sorted.
 * @throws {StillroomError} SIGNATURE_INVALID when unsigned, tampered with, or signed by no allowed key;
 *   INDEX_EXPIRED when `now` is after Valid-Until and the file isn't `pinned`; INDEX_INVALID when malformed.
 */
export async function verifyRelease(
  inRelease: Uint8Array,
  options: VerifyReleaseOptions,
): Promise<{ release: ReleaseFile; signedBy: string[] }> {
  const source = options.source ?? 'InRelease'
  const { text, signed } =
    (await readDetached(inRelease, source)) ?? (await readClearsigned(inRelease, source))
  const signedBy = await verifySignatures(signed, await readKeys(options.keys), options.now, source)
  const release = parseRelease(text, source)
  if (!options.pinned && release.validUntil !== undefined && release.validUntil < options.now) {
    throw new StillroomError(
      'INDEX_EXPIRED',
      `cannot use ${source}: it was valid until ${release.validUntil.toISOString()}, now is ${options.now.toISOString()}`,
      { hint: 'the mirror is out of date (or this clock is wrong): name another one with STILLROOM_DEBIAN' },
    )
  }
  return { release, signedBy }
}

interface SignedText {
  text: string
  signed: Signed
}

/** A Release file with its detached signature behind it, as `fetchRelease` puts them together. */
async function readDetached(inRelease: Uint8Array, source: string): Promise<SignedText | undefined> {
  const parts = splitRelease(inRelease)
  if (parts === undefined) return undefined
  const { createMessage, readSignature } = await import('openpgp')
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(parts.text)
    const signature = await readSignature({ armoredSignature: parts.signature })
    return {
      text,
      signed: { message: await createMessage({ binary: new Uint8Array(parts.text) }), signature },
    }
  } catch (cause) {
    throw new StillroomError('SIGNATURE_INVALID', `cannot verify ${source}: its Release.gpg cannot be read`, {
      cause,
    })
  }
}

async function readClearsigned(inRelease: Uint8Array, source: string): Promise<SignedText> {
  let cleartextMessage: string
  try {
    cleartextMessage = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(inRelease)
  } catch (cause) {
    throw new StillroomError('SIGNATURE_INVALID', `cannot verify ${source}: it is not UTF-8 text`, { cause })
  }
  if (!isClearsigned(cleartextMessage)) {
    throw new StillroomError(
      'SIGNATURE_INVALID',
      `cannot verify ${source}: it is not one clearsigned text (got ${inRelease.length} bytes beginning "${cleartextMessage.slice(0, 34).replace(/[^ -~]+/g, ' ')}")`,
      { hint: 'a proxy or login page may have answered instead of the mirror' },
    )
  }
  const { readCleartextMessage } = await import('openpgp')
  try {
    const message = await readCleartextMessage({ cleartextMessage })
    return { text: message.getText(), signed: { message } }
  } catch (cause) {
    throw new StillroomError('SIGNATURE_INVALID', `cannot verify ${source}: its signature cannot be read`, {
      cause,
    })
  }
}

async function readKeys(keys: readonly string[]): Promise<PublicKey[]> {
  const { readKey } = await import('openpgp')
  return await Promise.all(keys.map((armoredKey) => readKey({ armoredKey })))
}
