import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { LockedImage } from '../src/lock/schema.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import type { SifResult } from '../src/workflows/export/export-sif.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commitAll, copyProject } from './support/project.ts'
import { commandLine, failure, stillroomJson } from './support/stillroom.ts'
import { debianProgram } from './world/debian-program.ts'

const engines = NIGHTLY ? await canHaveEngines() : 'they are left to the nightly tests'
if (engines !== true)
  console.warn(`skipped: SIFs from engines that look like other machines, since ${engines}`)

const ROOT = join(import.meta.dirname, '..')
const LOCK = 'recipes/hello/lock.json'
const RECIPE = 'recipes/hello/recipe.ts'

const exported = (directory: string, file: string, env: Record<string, string> = {}, name = 'hello') =>
  stillroomJson<SifResult>(directory, ['export', 'recipe', name, file], { env })

/** The same by a process that has one processor, another clock, time zone, language and umask. */
async function exportedElsewhere(
  directory: string,
  file: string,
  env: Record<string, string> = {},
  name = 'hello',
): Promise<SifResult> {
  const preload = 'usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
  const words = [process.execPath, commandLine(), 'export', 'recipe', name, file, '--json']
  const { stdout } = await execa(
    'sh',
    ['-c', `umask 077; exec taskset --cpu-list ${await firstProcessor()} "$@"`, 'sh', ...words],
    {
      cwd: directory,
      env: {
        ...{ TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8', ...env },
        LD_PRELOAD: await debianProgram('libfaketime', preload),
        // the next day; what runs out of time must not do so at once
        ...{ FAKETIME: '+30h', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
      },
    },
  )
  return JSON.parse(stdout) as SifResult
}

/** The first processor that this process may use (proc(5), `Cpus_allowed_list`: `0-3,8`). */
async function firstProcessor(): Promise<string> {
  return /^Cpus_allowed_list:\s*(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0'
}

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

describe('export recipe', () => {
  beforeAll(async () => {
    await stillroomJson(ROOT, ['build', 'recipe', 'hello'])
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

  test.skipIf(engines !== true).each(['hello', 'fenics-tf'])(
    'writes the same of %s from both image stores, on other machines with caches of their own',
    { timeout: 1_800_000 },
    async (name) => {
      const directory = await copyProject(name)
      await commitAll(directory)
      await stillroomJson(directory, ['build', 'recipe', name, '--no-audit'])
      const { sha256 } = await exported(directory, 'here.sif', {}, name)
      await stillroomJson(directory, ['save', 'recipe', name, 'image.tar'])
      const varied = `clock=${124 * 86_400} suite=bookworm hostname=elsewhere cpus=${await firstProcessor()} timezone=LINT-14 umask=63`
      for (const [store, vary] of [
        ['overlay2', varied],
        ['containerd', undefined],
      ] as const) {
        const engine = await startEngine(ownName(`sif-${store}`), store, vary)
        try {
          const env = { ...engine.env, STILLROOM_CACHE: await temporaryDirectory() }
          const there = await copyProject(name)
          await stillroomJson(there, ['load', join(directory, 'image.tar')], { env })
          const result = await exportedElsewhere(there, `${store}.sif`, env, name)
          expect(result, store).toMatchObject({ sha256, noted: true })
        } finally {
          await engine.purge()
        }
      }
    },
  )

  test('writes the same elsewhere, or nothing; of another task it records another', async () => {
    const [directory, other] = [await copyProject('hello'), await copyProject('hello')]
    const { sha256 } = await exported(directory, 'hello.sif')
    expect(await exportedElsewhere(other, 'other.sif')).toMatchObject({ sha256, noted: true })

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
