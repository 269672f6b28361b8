import { createMessage, enums, readCleartextMessage, reformatKey, revokeKey, sign } from 'openpgp'
import { beforeAll, expect, test } from 'vitest'
import { clearsign, makeKey, releaseText, type TestKey } from './small-archive.fixture.ts'
import { verifyRelease } from './verify-release.ts'

const DAY = 86_400_000
const BORN = new Date('2026-01-01T00:00:00Z')
const SIGNED = new Date('2026-02-01T00:00:00Z')
const NOW = new Date('2026-02-02T00:00:00Z')
const LATER = new Date('2026-12-01T00:00:00Z')
const FIELDS = { Suite: 'stable', Codename: 'bookworm', Date: SIGNED.toUTCString() }

let archiveKey: TestKey
let otherKey: TestKey

beforeAll(async () => {
  archiveKey = await makeKey('Archive', BORN)
  otherKey = await makeKey('Other', BORN)
})

const verify = (text: string, options: Partial<Parameters<typeof verifyRelease>[1]> = {}) =>
  verifyRelease(Buffer.from(text), { keys: [archiveKey.armored], now: NOW, ...options })

/** A Release file with what its Release.gpg says behind it. */
async function signApart(text: string, keys: readonly TestKey[], date: Date): Promise<string> {
  const message = await createMessage({ text })
  const signingKeys = keys.map((key) => key.privateKey)
  return `${text}\n${await sign({ message, signingKeys, date, detached: true })}`
}

/** The public key once it was given an end, or a revocation, after it had signed. */
async function expiring(key: TestKey, days: number): Promise<string> {
  const { publicKey } = await reformatKey({
    privateKey: key.privateKey,
    userIDs: [{ name: 'Archive' }],
    keyExpirationTime: (days * DAY) / 1000,
    date: BORN,
    format: 'object',
  })
  return publicKey.armor()
}

test('verifyRelease() reads the signed text and names the primary key', async () => {
  const { release, signedBy } = await verify(await clearsign(releaseText(FIELDS), [archiveKey], SIGNED))
  expect(signedBy).toEqual([archiveKey.fingerprint])
  expect(release).toMatchObject({ codename: 'bookworm', date: SIGNED, acquireByHash: false })
})

test('verifyRelease() takes one allowed signature among several', async () => {
  const text = await clearsign(releaseText(FIELDS), [otherKey, archiveKey], SIGNED)
  expect((await verify(text)).signedBy).toEqual([archiveKey.fingerprint])
  const both = await verify(text, { keys: [archiveKey.armored, otherKey.armored] })
  expect(both.signedBy).toEqual([archiveKey.fingerprint, otherKey.fingerprint].sort())
})

test.each(['', 'Codename: bookworm\n', '<html>login</html>', '\u0000\u0001'])(
  'verifyRelease() rejects %j as unsigned',
  async (text) => {
    await expect(verify(text)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
  },
)

test('verifyRelease() rejects another key, naming it and those allowed', async () => {
  const text = await clearsign(releaseText(FIELDS), [otherKey], SIGNED)
  const subkey = otherKey.publicKey.getSubkeys()[0]?.getKeyID().toHex().toUpperCase()
  await expect(verify(text)).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining(`key ${subkey}: not an allowed key`),
  })
  await expect(verify(text)).rejects.toThrow(`allowed: ${archiveKey.fingerprint}`)
})

test('verifyRelease() rejects a text that was changed', async () => {
  const text = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  await expect(verify(text.replace('bookworm', 'bullseye'))).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('tampered'),
  })
})

test('verifyRelease() rejects a broken signature of an allowed key beside a good one', async () => {
  const good = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  const bad = await readCleartextMessage({
    cleartextMessage: await clearsign('another text', [otherKey], SIGNED),
  })
  const mixed = await readCleartextMessage({ cleartextMessage: good })
  // biome-ignore lint/suspicious/noExplicitAny: packets are internal to openpgp's types
  ;(mixed as any).signature.packets.push(...(bad as any).signature.packets)
  const text = mixed.armor()
  await expect(verify(text)).resolves.toMatchObject({ signedBy: [archiveKey.fingerprint] })
  await expect(verify(text, { keys: [archiveKey.armored, otherKey.armored] })).rejects.toThrow('tampered')
})

test.each([
  ['before', (text: string) => `Codename: sid\n${text}`],
  ['after', (text: string) => `${text}\nCodename: sid\n`],
  ['as a second message after', (text: string) => `${text}\n${text.replace('bookworm', 'sid')}`],
])('verifyRelease() rejects text %s the signed one', async (_, change) => {
  const text = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  await expect(verify(change(text))).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
})

test('verifyRelease() rejects an expired file unless it is pinned', async () => {
  const fields = { ...FIELDS, 'Valid-Until': new Date('2026-02-08T00:00:00Z').toUTCString() }
  const text = await clearsign(releaseText(fields), [archiveKey], SIGNED)
  await expect(verify(text)).resolves.toBeDefined()
  await expect(verify(text, { now: LATER })).rejects.toMatchObject({ code: 'INDEX_EXPIRED' })
  await expect(verify(text, { now: LATER, pinned: true })).resolves.toBeDefined()
})

test('verifyRelease() takes a key that expired after it signed, not one that had expired before', async () => {
  const text = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  await expect(verify(text, { keys: [await expiring(archiveKey, 60)], now: LATER })).resolves.toBeDefined()
  await expect(verify(text, { keys: [await expiring(archiveKey, 10)], now: LATER })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('expired'),
  })
})

test('verifyRelease() rejects a signature from the future', async () => {
  const text = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  await expect(verify(text, { now: BORN })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('future'),
  })
})

test.each([
  ['compromised', enums.reasonForRevocation.keyCompromised],
  ['retired', enums.reasonForRevocation.keyRetired],
])('verifyRelease() rejects a key that was %s after it signed', async (_, flag) => {
  const text = await clearsign(releaseText(FIELDS), [archiveKey], SIGNED)
  const { publicKey } = await revokeKey({
    key: archiveKey.privateKey,
    reasonForRevocation: { flag },
    date: new Date('2026-03-01T00:00:00Z'),
    format: 'object',
  })
  await expect(verify(text, { keys: [publicKey.armor()], now: LATER })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('revoked'),
  })
})

test('verifyRelease() rejects a Release file without a needed field', async () => {
  const text = await clearsign('Suite: stable\nCodename: x\n', [archiveKey], SIGNED)
  await expect(verify(text)).rejects.toMatchObject({
    code: 'INDEX_INVALID',
    message: expect.stringContaining('"Date"'),
  })
})

test.each([
  ['clearsigned', clearsign],
  ['with its signature behind it', signApart],
])('verifyRelease() reads the same or rejects, whichever bit of a file %s is changed', async (_, signed) => {
  const bytes = Buffer.from(await signed(releaseText(FIELDS), [archiveKey], SIGNED))
  const options = { keys: [archiveKey.armored], now: NOW }
  const expected = await verifyRelease(bytes, options)
  for (const at of bytes.keys()) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (bytes[at] ?? 0) ^ (1 << bit)
      const result = await verifyRelease(changed, options).catch((error: unknown) => error)
      if (result instanceof Error) {
        expect(result, `byte ${at}, bit ${bit}`).toMatchObject({ code: 'SIGNATURE_INVALID' })
      } else expect(result, `byte ${at}, bit ${bit}`).toEqual(expected)
    }
  }
})
