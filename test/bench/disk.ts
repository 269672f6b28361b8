import { appendFile, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { execa } from 'execa'
import { contextArtifacts } from '../../src/dockerfile/context-artifacts.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import type { Figure, Measurement } from './measure.ts'
import { type OwnMachine, ownMachine } from './own-machine.ts'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM = 'linux/amd64'

/**
 * What stillroom keeps on the disk, engine included, in sizes of the image: after the first build of a recipe, and after one line
 * of its project was changed again and again.
 *
 * @param edits the file, in the recipe's directory, and how often
 */
export function diskMeasurement(
  recipe: string,
  scratch: string,
  edits?: { file: string; times: number },
): Measurement {
  return {
    part: 'disk',
    run: async () => {
      const project = join(scratch, `disk-${recipe}`)
      const path = join(project, 'recipes', recipe, 'lock.json')
      await execa('git', ['clone', '--quiet', ROOT, project])
      for (const name of ['node_modules', 'dist']) await symlink(join(ROOT, name), join(project, name))
      const locked = await readLocked(path)
      const { files } = contextArtifacts(locked)
      await using machine = await ownMachine(files.map(({ artifact }) => artifact.sha256))
      await machine.stillroom('-C', project, 'build', 'recipe', recipe)
      const first = await figure(machine, `${recipe}, first build`, locked.image?.size ?? 0, 2.2)
      if (edits === undefined) return [first]
      for (let edit = 0; edit < edits.times; edit++) {
        await appendFile(join(project, 'recipes', recipe, edits.file), '# changed\n')
        const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.org']
        const commit = ['commit', '--quiet', '--no-gpg-sign', '--all', '--message', 'edit']
        await execa('git', [...identity, ...commit], { cwd: project })
        await machine.stillroom('-C', project, 'lock', 'recipe', recipe)
        await machine.stillroom('-C', project, 'build', 'recipe', recipe)
      }
      const size = (await readLocked(path)).image?.size ?? 0
      return [first, await figure(machine, `${recipe}, ${edits.times} changed lines later`, size, 2.5)]
    },
  }
}

async function readLocked(path: string) {
  const locked = parseLock(await readFile(path, 'utf8'), path).platforms[PLATFORM]
  if (!locked) throw new Error(`${path} has nothing for ${PLATFORM}`)
  return locked
}

async function figure(machine: OwnMachine, what: string, size: number, atMost: number): Promise<Figure> {
  const parts = await settledUsage(machine)
  return { what: `${what}, of the image's ${size} bytes`, value: total(parts) / size, atMost, parts }
}

/** Measures when nothing goes any more: builds remove what is of no use in the background. */
export async function settledUsage(machine: OwnMachine): Promise<Record<string, number>> {
  let parts = await machine.usage()
  for (let before = Number.POSITIVE_INFINITY; total(parts) < before; ) {
    before = total(parts)
    await wait(10_000)
    parts = await machine.usage()
  }
  return parts
}

export const total = (usage: Record<string, number>) =>
  Object.values(usage).reduce((sum, bytes) => sum + bytes, 0)
