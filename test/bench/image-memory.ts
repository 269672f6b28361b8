// Peak memory of auditing an image against that of one four times as large: `node test/bench/image-memory.ts`, after
// `npm run build`.
// In the first larger one files are larger, in the second there are more of them.
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, octal, tarBlock } from '../../src/image/image-archive.test-data.ts'
import { runWithPeak } from './peak.ts'

const COMMAND = join(import.meta.dirname, '../../bin/run.js')
const FILES = 60_000
const BYTES = 8 * 1024
const ROUNDS = 3

const scratch = await mkdtemp(join(tmpdir(), 'stillroom-bench-'))
try {
  const usual = await peak(FILES, BYTES)
  console.log(`${FILES} files of ${BYTES} bytes: peak ${usual.toFixed(0)} MiB`)
  for (const [files, bytes] of [
    [FILES, 4 * BYTES],
    [4 * FILES, BYTES],
  ] as const) {
    const large = await peak(files, bytes)
    const growth = 100 * (large / usual - 1)
    const verdict = growth < 25 ? 'met' : 'MISSED'
    console.log(
      `${files} files of ${bytes} bytes: peak ${large.toFixed(0)} MiB, ${growth.toFixed(0)} % more (target less than 25 %: ${verdict})`,
    )
  }
} finally {
  await rm(scratch, { recursive: true, force: true })
}

/** Median in MiB. */
async function peak(files: number, bytes: number): Promise<number> {
  const path = join(scratch, 'image.tar')
  await writeImage(path, files, bytes)
  const peaks: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { peakMiB } = await runWithPeak([process.execPath, COMMAND, 'audit', 'image', path])
    peaks.push(peakMiB)
  }
  return peaks.sort((a, b) => a - b)[ROUNDS >> 1] as number
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
