import { readdir } from 'node:fs/promises'
import { readKey } from 'openpgp'
import { expect, test } from 'vitest'
import { suiteIndexes } from '../../lock/suite-indexes.ts'
import { Suite } from '../../recipe/schema.ts'
import { DEBIAN_KEYS, loadKeyring, suiteSigners } from './keyring.ts'

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

test('suiteSigners() has keys for each suite, and none of them for a suite of another release', () => {
  const all = Suite.options.flatMap((release) =>
    suiteIndexes({ suite: release, backports: true }).map(({ suite }) => ({ release, suite })),
  )
  for (const { release, suite } of all) {
    const purposes = suiteSigners(suite).map((fingerprint) => DEBIAN_KEYS[fingerprint])
    expect(purposes).toEqual(
      suite.endsWith('-security')
        ? [`${release} security automatic`]
        : [`${release} archive automatic`, `${release} stable release`],
    )
  }
  expect(suiteSigners('sid')).toEqual([])
})
