import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { settledUsage, total } from './disk.ts'
import type { Measurement } from './measure.ts'
import { ownMachine } from './own-machine.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What all of the recipes have, and what each has for itself. */
const SHARED = ['python3', 'python3-numpy', 'gcc', 'git', 'curl']
const OWN = ['jq', 'tree', 'file', 'bc', 'rsync', 'zip', 'sqlite3', 'gnuplot-nox']

/**
 * Recipes that share their base and most of their packages: what each of them after the first adds to the disk, of what the first took;
 * and what a night takes for all of them, of one's time for each.
 */
export function scaleMeasurement(scratch: string): Measurement {
  return {
    part: 'scale',
    run: async () => {
      const project = join(scratch, 'scale')
      await mkdir(join(project, 'node_modules'), { recursive: true })
      await symlink(ROOT, join(project, 'node_modules/stillroom'))
      await writeFile(join(project, 'package.json'), '{ "type": "module" }\n')
      for (const name of OWN) {
        await mkdir(join(project, 'recipes', name), { recursive: true })
        await writeFile(
          join(project, 'recipes', name, 'recipe.ts'),
          `import { apt, debian, defineRecipe } from 'stillroom'\n\n` +
            `export default defineRecipe({ base: debian('bookworm'), steps: [apt(${JSON.stringify(SHARED)}), apt(['${name}'])] })\n`,
        )
      }
      await using machine = await ownMachine()
      const stillroom = (...args: string[]) => machine.stillroom('-C', project, ...args)
      const make = async (name: string) => {
        await stillroom('lock', 'recipe', name)
        return seconds(() => stillroom('build', 'recipe', name))
      }
      const [first = '', ...others] = OWN
      const built = [await make(first)]
      const one = await settledUsage(machine)
      for (const name of others) built.push(await make(name))
      const all = await settledUsage(machine)
      const oneNight = await seconds(() => stillroom('verify', 'recipe', first))
      const allNight = await seconds(() => stillroom('verify', 'recipe', '--all'))
      const added = (total(all) - total(one)) / others.length
      return [
        {
          what: `disk: each of ${others.length} recipes more, of the first`,
          value: added / total(one),
          atMost: 0.5,
          parts: Object.fromEntries(
            Object.entries(all).map(([name, bytes]) => [name, bytes - (one[name] ?? 0)]),
          ),
        },
        {
          what: `build of a recipe more, of the first's time`,
          value: built.slice(1).reduce((sum, each) => sum + each, 0) / others.length / (built[0] ?? 0),
          atMost: 0.5,
          parts: Object.fromEntries(OWN.map((name, i) => [name, built[i] ?? 0])),
        },
        {
          what: `verify recipe --all of ${OWN.length}, of one's time for each`,
          value: allNight / oneNight / OWN.length,
          atMost: 1.1,
          parts: { one: oneNight, all: allNight },
        },
      ]
    },
  }
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return (performance.now() - started) / 1000
}
