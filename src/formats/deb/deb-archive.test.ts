import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tarMembers } from '../tar/tar-members.ts'
import { debControlTar, debDataTar, repackDeb } from './deb-archive.ts'

/** As dpkg-deb 1.21.22 makes it of one small file, with this compression. */
const recorded = (compression: string) =>
  readFileSync(new URL(`recorded/${compression}.deb`, import.meta.url))

async function contents(tar: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { member, content } of tarMembers([tar])) {
    const parts: Buffer[] = []
    for await (const bytes of content) parts.push(bytes)
    if (member.flag === '0') found[member.name] = Buffer.concat(parts).toString()
  }
  return found
}

const DATA = { './usr/share/doc/odd/hello': 'hello' }
const mismatch = (message: string) =>
  expect.objectContaining({ code: 'ARTIFACT_MISMATCH', message: `cannot unpack odd: ${message}` })

describe.each(['gzip', 'xz', 'zstd'])('a .deb of %s', (compression) => {
  const deb = recorded(compression)

  it('is read', async () => {
    expect(await contents(await debDataTar(deb, 'odd'))).toEqual(DATA)
    expect(await contents(await debControlTar(deb, 'odd'))).toEqual({
      './control': expect.stringContaining('Package: odd\n'),
    })
  })

  it.each([
    ['gzip', 'data.tar.gz     '],
    ['zstd', 'data.tar.zst    '],
  ] as const)(
    'has the same files and the same control archive, compressed with %s',
    async (format, member) => {
      const other = await repackDeb(deb, 'odd', format)
      expect(other.includes(member)).toBe(true)
      expect(await contents(await debDataTar(other, 'odd'))).toEqual(DATA)
      expect(await debControlTar(other, 'odd')).toEqual(await debControlTar(deb, 'odd'))
      expect(await repackDeb(other, 'odd', format)).toEqual(other)
    },
  )
})

it('rejects what is no .deb, naming it and why', async () => {
  const deb = recorded('xz')
  const other = Buffer.from(deb)
  other.write('data.tar.bz2', other.indexOf('data.tar.xz'))
  other.write('BZ', other.indexOf('data.tar.bz2') + 60)
  await expect(debDataTar(other, 'odd')).rejects.toEqual(
    mismatch('its member data.tar.bz2 is compressed in an unknown way, expected none, gzip, xz or zstd'),
  )
  await expect(debDataTar(deb.subarray(0, -3), 'odd')).rejects.toEqual(mismatch('it is cut short'))
  await expect(debDataTar(deb.subarray(0, 80), 'odd')).rejects.toEqual(mismatch('it has no data member'))
  await expect(debDataTar(Buffer.from('PK'), 'odd')).rejects.toEqual(mismatch('it is not an ar archive'))
})
