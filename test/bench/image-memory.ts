import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { json, octal, tarBlock } from '../../src/image/image-archive.test-data.ts'
import type { Figure, Measurement } from './measure.ts'
import { runWithPeak } from './peak.ts'

const COMMAND = join(import.meta.dirname, '../../bin/run.js')
const FILES = 60_000
const BYTES = 8 * 1024
const ROUNDS = 3

/** Peak memory of auditing an image against that of one four times as large: of larger files, and of more of them. */
export function memoryMeasurement(scratch: string): Measurement {
  return {
    part: 'memory',
    run: async () => {
      const usual = await peak(scratch, FILES, BYTES)
      const compared = async (what: string, files: number, bytes: number): Promise<Figure> => {
        const large = await peak(scratch, files, bytes)
        const parts = { [`MiB, ${FILES} files of ${BYTES} bytes`]: usual, [`MiB, ${what}`]: large }
        return { what: `audit image, ${what}`, value: large / usual, atMost: 1.25, parts }
      }
      return [
        await compared('files four times as large', FILES, 4 * BYTES),
        await compared('four times the files', 4 * FILES, BYTES),
      ]
    },
  }
}

/** Median in MiB. */
async function peak(scratch: string, files: number, bytes: number): Promise<number> {
  const path = join(scratch, 'image.tar')
  await writeImage(path, files, bytes)
  const peaks: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { peakMiB } = await runWithPeak([process.execPath, COMMAND, 'audit', 'image', path])
    peaks.push(peakMiB)
  }
  await rm(path)
  return Math.round(peaks.sort((a, b) => a - b)[ROUNDS >> 1] as number)
}

/** A `docker save` archive of one layer with so many files of so many bytes, 40 to a directory. */
async function writeImage(path: string, files: number, bytes: number): Promise<void> {
  const content = Buffer.alloc(Math.ceil(bytes / 512) * 512, 'x').fill(0, bytes)
  const member = (i: number) => {
    const name = `usr/lib/python3/dist-packages/package-${Math.floor(i / 40)}/module-${i}.py`
    return Buffer.concat([tarBlock({ name, size: octal(bytes) }), content])
  }
  const end = Buffer.alloc(1024)
  const digest = createHash('sha256')
  for (let i = 0; i < files; i++) digest.update(member(i))
  const rootfs = { type: 'layers', diff_ids: [`sha256:${digest.update(end).digest('hex')}`] }
  const config = json({ architecture: 'amd64', os: 'linux', rootfs })
  const saved = json([{ Config: 'config.json', Layers: ['layer.tar'] }])
  const file = await open(path, 'w')
  try {
    for (const [name, data] of [
      ['config.json', config],
      ['manifest.json', saved],
    ] as const) {
      const padding = Buffer.alloc((512 - (data.length % 512)) % 512)
      await file.writeFile(Buffer.concat([tarBlock({ name, size: octal(data.length) }), data, padding]))
    }
    await file.writeFile(
      tarBlock({ name: 'layer.tar', size: octal(files * (512 + content.length) + end.length) }),
    )
    for (let i = 0; i < files; i += 1000)
      await file.writeFile(
        Buffer.concat(Array.from({ length: Math.min(1000, files - i) }, (_, j) => member(i + j))),
      )
    await file.writeFile(Buffer.concat([end, end]))
  } finally {
    await file.close()
  }
}
