import { createHash } from 'node:crypto'
import { xz } from '@napi-rs/lzma'
import {
  createCleartextMessage,
  generateKey,
  type PrivateKey,
  type PublicKey,
  readPrivateKey,
  sign,
} from 'openpgp'

export interface TestKey {
  armored: string
  privateKey: PrivateKey
  publicKey: PublicKey
  fingerprint: string
}

/** A signing key, created at a time; it never expires. */
export async function makeKey(name: string, date: Date): Promise<TestKey> {
  const { privateKey } = await generateKey({
    type: 'curve25519',
    userIDs: [{ name, email: 'test@example.org' }],
    subkeys: [{ sign: true }],
    date,
    format: 'armored',
  })
  const key = await readPrivateKey({ armoredKey: privateKey })
  const publicKey = key.toPublic()
  return {
    armored: publicKey.armor(),
    privateKey: key,
    publicKey,
    fingerprint: publicKey.getFingerprint().toUpperCase(),
  }
}

/** A clearsigned text, as InRelease is. */
export async function clearsign(text: string, keys: readonly TestKey[], date: Date): Promise<string> {
  const message = await createCleartextMessage({ text })
  return await sign({ message, signingKeys: keys.map((key) => key.privateKey), date })
}

/** The text of a Release file that vouches for some files below its suite. */
export function releaseText(fields: Record<string, string>, files: Record<string, Uint8Array> = {}): string {
  const lines = Object.entries(files).map(([path, bytes]) => ` ${sha256(bytes)} ${bytes.length} ${path}`)
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  return [...head, 'SHA256:', ...lines, ''].join('\n')
}

export interface SmallSuite {
  suite: string
  packages: string
  /** Packages of other components than `main`, by name. */
  components?: Record<string, string>
  fields?: Record<string, string>
}

/** The files of an archive with some suites, by path below its root; `Packages.xz` by its hash only. */
export async function makeArchive(
  suites: readonly SmallSuite[],
  key: TestKey,
  date: Date,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const { suite, packages, components, fields } of suites) {
    const named: Record<string, Uint8Array> = {}
    for (const [component, text] of Object.entries({ main: packages, ...components })) {
      const path = `${component}/binary-amd64`
      const plain = Buffer.from(text)
      const packed = await xz.compress(plain)
      Object.assign(named, { [`${path}/Packages`]: plain, [`${path}/Packages.xz`]: packed })
      files.set(`dists/${suite}/${path}/by-hash/SHA256/${sha256(packed)}`, packed)
    }
    const release = releaseText(
      { Suite: 'stable', Codename: suite, Date: date.toUTCString(), 'Acquire-By-Hash': 'yes', ...fields },
      named,
    )
    files.set(`dists/${suite}/InRelease`, Buffer.from(await clearsign(release, [key], date)))
  }
  return files
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
