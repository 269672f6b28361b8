import { readdir } from 'node:fs/promises'
import { readKey } from 'openpgp'
import { expect, test } from 'vitest'
import { DEBIAN_KEYS, loadKeyring } from './keyring.ts'

test('loadKeyring() gives each named key, public and not revoked', async () => {
  const armored = await loadKeyring()
  const keys = await Promise.all(armored.map((armoredKey) => readKey({ armoredKey })))
  expect(keys.map((key) => key.getFingerprint().toUpperCase())).toEqual(Object.keys(DEBIAN_KEYS))
  for (const key of keys) {
    expect(key.isPrivate()).toBe(false)
    expect(await key.isRevoked()).toBe(false)
  }
})

test('DEBIAN_KEYS names every key file that lies here', async () => {
  const files = await readdir(new URL('./keys/', import.meta.url))
  expect(files.sort()).toEqual(
    Object.keys(DEBIAN_KEYS)
      .map((name) => `${name}.asc`)
      .sort(),
  )
})
