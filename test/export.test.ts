import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { LockedImage } from '../src/lock/schema.ts'
import type { SifResult } from '../src/workflows/export/export-sif.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { failure, stillroomJson } from './support/stillroom.ts'

const engines = NIGHTLY ? await canHaveEngines() : 'they are left to the nightly tests'
if (engines !== true) console.warn(`skipped: SIFs from the other image store, since ${engines}`)
if (!NIGHTLY) console.warn('skipped: SIFs, which are left to the nightly tests')

const LOCK = 'recipes/hello/lock.json'
const RECIPE = 'recipes/hello/recipe.ts'

const exported = (directory: string, file: string, env: Record<string, string> = {}) =>
  stillroomJson<SifResult>(directory, ['export', 'recipe', 'hello', file], { env })
async function lockedImage(directory: string): Promise<LockedImage> {
  return JSON.parse(await readFile(join(directory, LOCK), 'utf8')).platforms['linux/amd64'].image
}

async function changeByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.from([(buffer[0] as number) ^ 1]), 0, 1, at)
  await file.close()
}

const audited = (directory: string, file: string) =>
  stillroomJson<AuditReport>(directory, ['audit', 'image', file, '--lock', LOCK])

describe.skipIf(!NIGHTLY)('export recipe', () => {
  beforeAll(async () => {
    await stillroomJson(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
  })

  test('writes a SIF whose sum the lockfile has; an audit finds nothing in it, and one changed byte', async () => {
    const directory = await copyProject('hello')
    const { sha256, size } = await exported(directory, 'hello.sif')
    const { stdout } = await execa('sha256sum', ['hello.sif'], { cwd: directory })
    expect(stdout.slice(0, 64)).toBe(sha256)
    expect((await stat(join(directory, 'hello.sif'))).size).toBe(size)
    expect((await lockedImage(directory)).sif).toMatchObject({ sha256, size })
    expect(await audited(directory, 'hello.sif')).toMatchObject({
      verdict: 'clean',
      findings: [],
      files: { unexplained: [] },
    })
    await changeByte(join(directory, 'hello.sif'), Math.floor(size / 2))
    const failed = await failure(directory, ['audit', 'image', 'hello.sif', '--lock', LOCK])
    expect(failed).toMatchObject({ code: 'IMAGE_INVALID' })
    expect(failed.message).toMatch(/in "[^"]+\/[^"]+"/)
  })

  test.skipIf(engines !== true)('writes the same from the other image store', async () => {
    const directory = await copyProject('hello')
    const { sha256 } = await exported(directory, 'hello.sif')
    await stillroomJson(directory, ['save', 'recipe', 'hello', 'hello.tar'])
    const engine = await startEngine(ownName('test-export'), 'containerd')
    try {
      await stillroomJson(directory, ['load', 'hello.tar'], { env: engine.env })
      expect((await exported(directory, 'again.sif', engine.env)).sha256).toBe(sha256)
    } finally {
      await engine.purge()
    }
  })

  test('writes the same elsewhere, or nothing; of another task it records another', async () => {
    const [directory, other] = [await copyProject('hello'), await copyProject('hello')]
    const { sha256 } = await exported(directory, 'hello.sif')
    const again = await exported(other, 'other.sif', { TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8' })
    expect(again.sha256).toBe(sha256)

    const text = await readFile(join(directory, LOCK), 'utf8')
    await writeFile(join(directory, LOCK), text.replace(sha256, '0'.repeat(64)))
    const failed = await failure(directory, ['export', 'recipe', 'hello', 'wrong.sif'])
    expect(failed).toMatchObject({ exitCode: 2, code: 'LOCK_INVALID' })
    await expect(stat(join(directory, 'wrong.sif'))).rejects.toMatchObject({ code: 'ENOENT' })

    const recipe = await readFile(join(other, RECIPE), 'utf8')
    const changed = recipe.replace('tasks: {', "tasks: { 'of-a-test': { command: ['true'] },")
    await writeFile(join(other, RECIPE), changed)
    const result = await exported(other, 'other.sif')
    expect(result).toMatchObject({ noted: true, tasks: ['of-a-test', 'say'] })
    expect(result.sha256).not.toBe(sha256)
    expect(await audited(other, 'other.sif')).toMatchObject({ verdict: 'clean' })
  })
})
