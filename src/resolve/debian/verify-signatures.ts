import type {
  CleartextMessage,
  Message,
  PublicKey,
  Signature,
  VerifyMessageResult,
  VerifyOptions,
} from 'openpgp'
import { StillroomError } from '../../error.ts'

/** One signature: the key it names, the allowed primary key that belongs to, and what is wrong with it, if anything. */
interface Judged {
  keyID: string
  signer: string | undefined
  problem: string | undefined
  /** The text isn't the one that was signed. */
  tampered: boolean
}

/** openpgp's messages for a signature that doesn't fit the text, as against a key that doesn't count. */
const TAMPERED = /Signed digest did not match|Signature verification failed/

/** A clearsigned text, or bytes with a signature apart from them. */
export type Signed = { message: CleartextMessage } | { message: Message<Uint8Array>; signature: Signature }

/**
 * Checks the signatures of something signed against the keys allowed.
 *
 * @param now signatures made later don't count; see `verifyRelease` on expired and revoked keys.
 * @returns the primary keys whose signatures are good: upper-case fingerprints, sorted, at least one.
 * @throws {StillroomError} SIGNATURE_INVALID that names each signature's key ID and the keys allowed.
 */
export async function verifySignatures(
  signed: Signed,
  keys: readonly PublicKey[],
  now: Date,
  source: string,
): Promise<string[]> {
  const judged = await judgeAll(signed, keys, now, source)
  const good = judged.filter((one) => one.problem === undefined && one.signer !== undefined)
  const tampered = judged.find((one) => one.tampered)
  if (good.length > 0 && tampered === undefined) {
    return [...new Set(good.map((one) => one.signer as string))].sort()
  }
  const problems = judged.map((one) => `key ${one.keyID}: ${one.problem ?? 'good'}`)
  const allowed = keys.map((key) => key.getFingerprint().toUpperCase()).sort()
  throw new StillroomError(
    'SIGNATURE_INVALID',
    tampered === undefined
      ? `cannot verify ${source}: no signature by an allowed key (${problems.join('; ') || 'no signatures'}); allowed: ${allowed.join(', ')}`
      : `cannot verify ${source}: its text is not what key ${tampered.keyID} signed (tampered with, or damaged on the way)`,
    { details: { signatures: problems, allowed } },
  )
}

async function judgeAll(
  signed: Signed,
  keys: readonly PublicKey[],
  now: Date,
  source: string,
): Promise<Judged[]> {
  const options = {
    verificationKeys: [...keys],
    date: now,
    // A key whose self-signature was renewed after this signature counts when it is valid today.
    config: { allowInsecureVerificationWithReformattedKeys: true },
  }
  const signatures = await readSignatures(signed, options).catch((cause) => {
    throw new StillroomError('SIGNATURE_INVALID', `cannot verify ${source}: its signature cannot be read`, {
      cause,
    })
  })
  return await Promise.all(
    signatures.map(async (signature): Promise<Judged> => {
      const keyID = signature.keyID.toHex().toUpperCase()
      const key = keys.find((candidate) => candidate.getKeys(signature.keyID).length > 0)
      if (key === undefined)
        return { keyID, signer: undefined, problem: 'not an allowed key', tampered: false }
      const signer = key.getFingerprint().toUpperCase()
      try {
        await signature.verified
        if (await isRevoked(key, signature.keyID, now)) throw new Error('the key is revoked')
        return { keyID, signer, problem: undefined, tampered: false }
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        return { keyID, signer, problem, tampered: TAMPERED.test(problem) }
      }
    }),
  )
}

/** openpgp reads some of a signature only here: an algorithm with a number that it doesn't know is an error for all of it. */
async function readSignatures(
  signed: Signed,
  options: Pick<VerifyOptions, 'verificationKeys' | 'date' | 'config'>,
): Promise<VerifyMessageResult['signatures']> {
  const { verify } = await import('openpgp')
  const { signatures } =
    'signature' in signed
      ? await verify({ ...signed, ...options, format: 'binary' })
      : await verify({ ...signed, ...options })
  return signatures
}

/** Revoked for whatever reason, as of now: also a key that was only retired after it signed. */
async function isRevoked(
  key: PublicKey,
  keyID: Parameters<PublicKey['getKeys']>[0],
  now: Date,
): Promise<boolean> {
  if (await key.isRevoked(undefined, undefined, now)) return true
  for (const subkey of key.getSubkeys(keyID)) {
    for (const binding of subkey.bindingSignatures) {
      if (await subkey.isRevoked(binding, key.keyPacket, now)) return true
    }
  }
  return false
}
