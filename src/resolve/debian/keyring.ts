import { readFile } from 'node:fs/promises'
import { StillroomError } from '../../error.ts'

/**
 * Debian's archive keys by the fingerprint of the primary key: the only ones that may vouch for an index.
 * The keys lie beside this file, as exported from Debian's package debian-archive-keyring 2025.1 without the
 * certifications of third parties. A file that isn't named here is never trusted.
 */
export const DEBIAN_KEYS: Readonly<Record<string, string>> = {
  '1F89983E0081FDE018F3CC9673A4F27B8DD47936': 'bullseye archive automatic',
  AC530D520F2F3269F5E98313A48449044AAD5C5D: 'bullseye security automatic',
  A4285295FC7B1A81600062A9605C66F00D6C9793: 'bullseye stable release',
  B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8: 'bookworm archive automatic',
  '05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0': 'bookworm security automatic',
  '4D64FEC119C2029067D6E791F8D2585B8783D481': 'bookworm stable release',
  '04B54C3CDCA79751B16BC6B5225629DF75B188BD': 'trixie archive automatic',
  '5E04A1E3223A19A20706E20F9904613D4CCE68C6': 'trixie security automatic',
  '41587F7DB8C774BCCF131416762F67A0B2C39DE4': 'trixie stable release',
}

/**
 * Loads Debian's archive keys: ASCII-armored, each verified against the fingerprint it is trusted by.
 *
 * @throws {StillroomError} SIGNATURE_INVALID when a file holds another key than its name says.
 */
export async function loadKeyring(): Promise<string[]> {
  const { readKey } = await import('openpgp')
  return await Promise.all(
    Object.keys(DEBIAN_KEYS).map(async (fingerprint) => {
      const armored = await readFile(new URL(`./keys/${fingerprint}.asc`, import.meta.url), 'utf8')
      const key = await readKey({ armoredKey: armored })
      const got = key.getFingerprint().toUpperCase()
      if (got !== fingerprint) {
        throw new StillroomError(
          'SIGNATURE_INVALID',
          `cannot trust keys/${fingerprint}.asc: expected key ${fingerprint}, got ${got}`,
        )
      }
      return armored
    }),
  )
}

/**
 * Fingerprints of the keys that sign a suite: `bookworm` and `bookworm-updates` by their release's archive and stable
 * keys, `bookworm-security` by its security key. Debian signs with keys of neighbouring releases, too; one of those
 * alone vouches for nothing.
 */
export function suiteSigners(suite: string): string[] {
  const [, release, isSecurity] = /^([a-z]+?)(-security)?(?:-updates|-backports)?$/.exec(suite) ?? []
  const purposes = isSecurity ? ['security automatic'] : ['archive automatic', 'stable release']
  return Object.entries(DEBIAN_KEYS).flatMap(([fingerprint, purpose]) =>
    purposes.some((one) => purpose === `${release} ${one}`) ? [fingerprint] : [],
  )
}
