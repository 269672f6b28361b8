import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StillroomError } from '../../error.ts'
import { readBytes } from '../read-at.test-data.ts'
import { isSif, readSif, rootPartition } from './read-sif.ts'
import { DESCRIPTOR_AT, SIF_DESCRIPTOR } from './sif-layout.ts'
import { type SifParts, sifHead } from './write-sif.ts'

const SQUASHFS = Buffer.from('hsqs and so on')
const PARTS: SifParts = {
  architecture: 'amd64',
  id: Buffer.from('00112233445586778899aabbccddeeff', 'hex'),
  time: 1_700_000_000,
  documents: [
    { kind: 'definition', name: 'hello.def', content: Buffer.from('Bootstrap: oci\n') },
    { kind: 'json', name: 'lock.json', content: Buffer.alloc(5000, '{') },
  ],
  squashfs: SQUASHFS.length,
}
const sif = (parts = PARTS) => Buffer.concat([sifHead(parts), SQUASHFS])
const read = (bytes: Buffer) => readSif(readBytes(bytes), bytes.length)
/** Where the descriptor of an object is. */
const descriptor = (index: number) => 4096 + index * SIF_DESCRIPTOR
const changed = (change: (bytes: Buffer) => void) => {
  const bytes = sif()
  change(bytes)
  return bytes
}

describe('sifHead()', () => {
  test('writes what readSif() reads', async () => {
    const bytes = sif()
    expect(isSif(bytes)).toBe(true)
    const { architecture, objects } = await read(bytes)
    expect(architecture).toBe('amd64')
    expect(objects.map(({ id, name, offset }) => [id, name, offset % 4096])).toEqual([
      [1, 'hello.def', 0],
      [2, 'lock.json', 0],
      [3, 'root', 0],
    ])
    const contents = objects.map(({ offset, size }) => bytes.subarray(offset, offset + size))
    expect(contents).toEqual([...PARTS.documents.map(({ content }) => content), SQUASHFS])
    expect(rootPartition({ architecture, objects })).toMatchObject({ id: 3, partition: { arch: 'amd64' } })
  })

  test('gives the same bytes for the same parts, and is a program', () => {
    expect(sif()).toEqual(sif())
    expect(sif().toString('latin1', 0, 31)).toBe('#!/usr/bin/env run-singularity\n')
  })
})

describe('rootPartition()', () => {
  const root = (change: (bytes: Buffer) => void) => read(changed(change)).then(rootPartition)
  const extra = descriptor(2) + DESCRIPTOR_AT.extra

  test.each<[string, number, RegExp]>([
    ['an encrypted one', 5, /encrypted, which is not read/],
    ['ext3', 2, /ext3, which is not read/],
    ['an unknown one', 77, /unknown \(77\), which is not read/],
  ])('refuses a file system that is not read: %s', async (_, kind, message) => {
    await expect(root((bytes) => bytes.writeInt32LE(kind, extra))).rejects.toThrow(message)
  })

  test('refuses a SIF without a root, with two, with an overlay, and an OCI image in one', async () => {
    await expect(root((bytes) => bytes.writeInt32LE(3, extra + 4))).rejects.toThrow(
      'no primary system partition',
    )
    const copied = (bytes: Buffer) => {
      bytes.copy(bytes, descriptor(3), descriptor(2), descriptor(3))
      bytes.writeUInt32LE(4, descriptor(3) + DESCRIPTOR_AT.id)
    }
    await expect(root(copied)).rejects.toThrow('more than one primary system partition')
    const overlaid = (bytes: Buffer) => {
      copied(bytes)
      bytes.writeInt32LE(4, descriptor(3) + DESCRIPTOR_AT.extra + 4)
    }
    await expect(root(overlaid)).rejects.toThrow('an overlay')
    await expect(root((bytes) => bytes.writeInt32LE(0x400a, descriptor(1)))).rejects.toThrow('OCI-SIF')
  })
})

describe('readSif()', () => {
  test('refuses what is another program, or for two architectures', async () => {
    const program = (bytes: Buffer) => bytes.write('#!/bin/sh\n\0', 0, 'latin1')
    await expect(read(changed(program))).rejects.toThrow('begins with "#!/bin/sh\\n"')
    const other = (bytes: Buffer) => bytes.write('04', descriptor(2) + DESCRIPTOR_AT.extra + 8)
    await expect(read(changed(other)).then(rootPartition)).rejects.toThrow(
      'for amd64, and its root for arm64',
    )
  })

  test('refuses objects beyond the end, two of one number, another version, a huge table', async () => {
    await expect(read(sif().subarray(0, -1))).rejects.toThrow('cut short or damaged')
    await expect(read(sif().subarray(0, 100))).rejects.toThrow('cut short')
    const two = (bytes: Buffer) => bytes.writeUInt32LE(1, descriptor(1) + DESCRIPTOR_AT.id)
    await expect(read(changed(two))).rejects.toThrow('two objects 1')
    await expect(read(changed((bytes) => bytes.write('02', 42)))).rejects.toThrow('version')
    await expect(read(changed((bytes) => bytes.writeBigInt64LE(1n << 40n, 88)))).rejects.toThrow(
      'descriptors',
    )
    await expect(read(changed((bytes) => bytes.writeBigInt64LE(-1n, 96)))).rejects.toThrow(
      'place or size of -1',
    )
  })

  test('reads or refuses whatever is damaged', async () => {
    const places = fc.array(fc.tuple(fc.nat(descriptor(4)), fc.nat(255)), { minLength: 1, maxLength: 6 })
    const check = fc.asyncProperty(places, async (all) => {
      const bytes = changed((data) => {
        for (const [at, value] of all) data[at] = value
      })
      await read(bytes)
        .then(rootPartition)
        .catch((error: unknown) => {
          expect(error).toBeInstanceOf(StillroomError)
          expect(error).toMatchObject({ code: 'IMAGE_INVALID' })
        })
    })
    await fc.assert(check, { numRuns: 2000, seed: 20_261_129 })
  })
})
