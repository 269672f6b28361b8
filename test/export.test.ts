import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { SifResult } from '../src/workflows/export/export-sif.ts'
import { NIGHTLY } from './support/nightly.ts'
import { copyProject } from './support/project.ts'
import { failure, stillroomJson } from './support/stillroom.ts'

if (!NIGHTLY) console.warn('skipped: SIFs, which are left to the nightly tests')

const LOCK = 'recipes/hello/lock.json'
const RECIPE = 'recipes/hello/recipe.ts'

const exported = (directory: string, file: string, env: Record<string, string> = {}) =>
  stillroomJson<SifResult>(directory, ['export', 'recipe', 'hello', file], { env })
const audited = (directory: string, file: string) =>
  stillroomJson<AuditReport>(directory, ['audit', 'image', file, '--lock', LOCK])

describe.skipIf(!NIGHTLY)('export recipe', () => {
  let directory: string
  let result: SifResult

  beforeAll(async () => {
    await stillroomJson(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
    directory = await copyProject('hello')
    result = await exported(directory, 'hello.sif')
  })

  test('writes a SIF whose sum the lockfile has, and an audit finds nothing in it', async () => {
    const { sha256, size } = result
    const { stdout } = await execa('sha256sum', ['hello.sif'], { cwd: directory })
    expect(stdout.slice(0, 64)).toBe(sha256)
    expect((await stat(join(directory, 'hello.sif'))).size).toBe(size)
    const lock = JSON.parse(await readFile(join(directory, LOCK), 'utf8'))
    expect(lock.platforms['linux/amd64'].image.sif).toMatchObject({ sha256, size })
    expect(await audited(directory, 'hello.sif')).toMatchObject({
      verdict: 'clean',
      findings: [],
      files: { unexplained: [] },
    })
  })

  test('writes the same in another project, time zone and language', async () => {
    const other = await copyProject('hello')
    const again = await exported(other, 'other.sif', { TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8' })
    expect(again.sha256).toBe(result.sha256)
  })

  test('refuses a lockfile that names another sum, and writes nothing', async () => {
    const other = await copyProject('hello')
    const path = join(other, LOCK)
    const text = await readFile(join(directory, LOCK), 'utf8')
    await writeFile(path, text.replace(result.sha256, '0'.repeat(64)))
    const failed = await failure(other, ['export', 'recipe', 'hello', 'other.sif'])
    expect(failed).toMatchObject({ exitCode: 2, code: 'LOCK_INVALID' })
    await expect(stat(join(other, 'other.sif'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('of another task another SIF is recorded', async () => {
    const other = await copyProject('hello')
    const recipe = await readFile(join(other, RECIPE), 'utf8')
    await writeFile(
      join(other, RECIPE),
      recipe.replace('tasks: {', "tasks: { 'of-a-test': { command: ['true'] },"),
    )
    const again = await exported(other, 'other.sif')
    expect(again).toMatchObject({ noted: true, tasks: ['of-a-test', 'say'] })
    expect(again.sha256).not.toBe(result.sha256)
    expect(await audited(other, 'other.sif')).toMatchObject({ verdict: 'clean' })
  })

  test('one changed byte of the squashfs is found', async () => {
    const path = join(directory, 'damaged.sif')
    await execa('cp', [join(directory, 'hello.sif'), path])
    const file = await open(path, 'r+')
    const at = Math.floor(result.size / 2)
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
    await file.write(Buffer.from([(buffer[0] as number) ^ 1]), 0, 1, at)
    await file.close()
    const failed = await failure(directory, ['audit', 'image', 'damaged.sif', '--lock', LOCK])
    expect(failed).toMatchObject({ code: 'IMAGE_INVALID' })
    expect(failed.message).toMatch(/in "[^"]+\/[^"]+"/)
  })
})
