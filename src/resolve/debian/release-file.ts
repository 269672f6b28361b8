import { StillroomError } from '../../error.ts'
import type { Get } from '../../net/http-get.ts'

/** Debian's Release files are about 150 kB. */
const RELEASE_LIMIT = 16 * 1024 * 1024

const BEGIN = '-----BEGIN PGP SIGNATURE-----'
const END = '-----END PGP SIGNATURE-----'

/**
 * Fetches a suite's Release file with its signature: `InRelease` as served; of an archive that has none, `Release` with what
 * `Release.gpg` says behind it.
 *
 * @param root the suite's directory
 * @throws {StillroomError} FETCH_FAILED
 */
export async function fetchRelease(root: string, get: Get): Promise<Uint8Array> {
  const options = { limit: RELEASE_LIMIT }
  try {
    return await get(`${root}/InRelease`, options)
  } catch (error) {
    if (!(error instanceof StillroomError) || error.details?.status !== 404) throw error
    const parts = [get(`${root}/Release`, options), get(`${root}/Release.gpg`, options)] as const
    const [text, signature] = await Promise.all(parts).catch(() => {
      throw error
    })
    return joinRelease(text, signature)
  }
}

/** The same bytes for the same Release file and signature, binary or armored. */
async function joinRelease(text: Uint8Array, signature: Uint8Array): Promise<Uint8Array> {
  const base64 = Buffer.from(await binarySignature(signature)).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return Buffer.concat([text, Buffer.from(['', BEGIN, '', ...lines, END, ''].join('\n'))])
}

async function binarySignature(signature: Uint8Array): Promise<Uint8Array> {
  const { unarmor } = await import('openpgp')
  const blocks = Buffer.from(signature)
    .toString('latin1')
    .match(/-----BEGIN PGP SIGNATURE-----[\s\S]*?-----END[^\n]*/g)
  if (blocks === null) return signature
  const parts: Uint8Array[] = []
  // one that can't be read is no signature, which is found when it is verified
  for (const block of blocks)
    parts.push((await unarmor(block).catch(() => ({ data: new Uint8Array() }))).data as Uint8Array)
  return Buffer.concat(parts)
}

/** A Release file apart from its signature; undefined for a clearsigned one, which is one with it. */
export function splitRelease(bytes: Uint8Array): { text: Uint8Array; signature: string } | undefined {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = all.lastIndexOf(`\n${BEGIN}\n`)
  const isWhole = all.subarray(-END.length - 2).toString('latin1') === `\n${END}\n`
  if (at < 0 || !isWhole || all.includes('-----BEGIN PGP SIGNED MESSAGE-----')) return undefined
  return { text: all.subarray(0, at), signature: all.subarray(at + 1).toString('latin1') }
}
