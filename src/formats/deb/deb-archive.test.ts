import { readFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { readBytes } from '../read-at.test-data.ts'
import { tarMembers } from '../tar/tar-members.ts'
import { debControlTar, debDataTar, repackDeb } from './deb-archive.ts'

/** As dpkg-deb 1.21.22 makes it of one small file, with this compression. */
const recorded = (compression: string) =>
  readFileSync(new URL(`recorded/${compression}.deb`, import.meta.url))

async function contents(tar: AsyncIterable<Buffer>): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { member, content } of tarMembers(tar)) {
    const parts: Buffer[] = []
    for await (const bytes of content) parts.push(bytes)
    if (member.flag === '0') found[member.name] = Buffer.concat(parts).toString()
  }
  return found
}

const data = (deb: Buffer) => debDataTar(readBytes(deb), deb.length, 'odd')
const control = (deb: Buffer) => debControlTar(readBytes(deb), deb.length, 'odd')

async function repacked(deb: Buffer, format: 'gzip' | 'zstd'): Promise<Buffer> {
  const path = join(await temporaryDirectory(), 'odd.deb')
  {
    await using file = await open(path, 'wx')
    await repackDeb(readBytes(deb), deb.length, 'odd', format, file)
  }
  return readFile(path)
}

const DATA = { './usr/share/doc/odd/hello': 'hello' }
const mismatch = (message: string) =>
  expect.objectContaining({ code: 'ARTIFACT_MISMATCH', message: `cannot unpack odd: ${message}` })

describe.each(['gzip', 'xz', 'zstd'])('a .deb of %s', (compression) => {
  const deb = recorded(compression)

  it('is read', async () => {
    expect(await contents(data(deb))).toEqual(DATA)
    expect(await contents(control(deb))).toEqual({
      './control': expect.stringContaining('Package: odd\n'),
    })
  })

  it('that is damaged is rejected, by its name', async () => {
    const damaged = Buffer.from(deb)
    damaged.fill(0xff, damaged.indexOf('data.tar') + 80, damaged.length - 8)
    await expect(buffer(data(damaged))).rejects.toMatchObject({
      code: 'ARTIFACT_MISMATCH',
      message: expect.stringMatching(/^cannot unpack odd: its member data\.tar\.\w+ cannot be read: ./),
      cause: expect.any(Error),
    })
  })

  it.each([
    ['gzip', 'data.tar.gz     '],
    ['zstd', 'data.tar.zst    '],
  ] as const)(
    'has the same files and the same control archive, compressed with %s',
    async (format, member) => {
      const other = await repacked(deb, format)
      expect(other.includes(member)).toBe(true)
      expect(await contents(data(other))).toEqual(DATA)
      expect(await buffer(control(other))).toEqual(await buffer(control(deb)))
      expect(await repacked(other, format)).toEqual(other)
    },
  )
})

it('rejects what is no .deb, naming it and why', async () => {
  const deb = recorded('xz')
  const other = Buffer.from(deb)
  other.write('data.tar.bz2', other.indexOf('data.tar.xz'))
  other.write('BZ', other.indexOf('data.tar.bz2') + 60)
  await expect(buffer(data(other))).rejects.toEqual(
    mismatch('its member data.tar.bz2 is compressed in an unknown way, expected none, gzip, xz or zstd'),
  )
  await expect(buffer(data(deb.subarray(0, -3)))).rejects.toEqual(mismatch('it is cut short'))
  await expect(buffer(data(deb.subarray(0, 80)))).rejects.toEqual(mismatch('it has no data member'))
  await expect(buffer(data(Buffer.from('PK')))).rejects.toEqual(mismatch('it is not an ar archive'))
})
