import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { paxHeader, TAR_END, tarPadding } from '../tar/write-tar.ts'
import { readDebControl } from './deb-control.ts'

const recorded = (compression: string) =>
  readFileSync(new URL(`recorded/${compression}.deb`, import.meta.url))
const reader = (deb: Buffer, ends: number[] = []) => {
  return async (offset: number, length: number) => {
    ends.push(offset + length)
    return deb.subarray(offset, offset + length)
  }
}

it.each(['gzip', 'xz', 'zstd'])('reads what a .deb of %s says of itself', async (compression) => {
  const deb = recorded(compression)
  // it lists no sums: its files themselves are listed
  expect(await readDebControl(reader(deb), deb.length, 'odd')).toEqual({
    control: expect.stringMatching(/^Package: odd\n/),
    files: ['usr/share/doc/odd/hello'],
  })
})

/** An archive of plain members (deb(5)), as dpkg-deb makes it. */
function makeDeb(control: Record<string, string>, data: Buffer): Buffer {
  const members = Object.entries(control).flatMap(([path, text]) => {
    const bytes = Buffer.from(text)
    return [paxHeader({ path, type: 'file', size: bytes.length }, 0), bytes, tarPadding(bytes.length)]
  })
  const archive = {
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar': Buffer.concat([...members, TAR_END]),
  }
  const parts = Object.entries({ ...archive, 'data.tar': data }).flatMap(([name, bytes]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}0     0     100644  ${String(bytes.length).padEnd(10)}\`\n`
    return [Buffer.from(header), bytes, Buffer.from(bytes.length % 2 ? '\n' : '')]
  })
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts])
}

it('reads no files where a .deb lists their sums', async () => {
  const sum = 'd41d8cd98f00b204e9800998ecf8427e'
  const deb = makeDeb(
    {
      control: 'Package: odd\n',
      md5sums: `${sum}  usr/bin/odd\n${sum}  usr/share/a b\n`,
      conffiles: '/etc/odd.conf\n',
    },
    Buffer.from('no archive'.repeat(100)),
  )
  const ends: number[] = []
  expect(await readDebControl(reader(deb, ends), deb.length, 'odd')).toEqual({
    control: 'Package: odd\n',
    files: ['usr/bin/odd', 'usr/share/a b', 'etc/odd.conf'],
  })
  expect(Math.max(...ends)).toBe(deb.length - 1000 - 60)
})

it('rejects what is no .deb, however short', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('PK'), recorded('xz').subarray(0, 100)])
    await expect(readDebControl(reader(bytes), bytes.length, 'odd')).rejects.toMatchObject({
      code: 'ARTIFACT_MISMATCH',
      message: expect.stringContaining('odd'),
    })
})
