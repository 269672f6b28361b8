import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockInputs } from '../../src/lock/lock-inputs.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import { serializeLock } from '../../src/lock/serialize-lock.ts'
import type { Task } from '../../src/recipe/schema.ts'
import { programsChecksum } from '../../src/workflows/project/generated.ts'
import { parseRecipe } from '../../src/workflows/project/load-recipe.ts'

const HELLO = new URL('../../recipes/hello/', import.meta.url)

export interface TaskProject extends AsyncDisposable {
  directory: string
  /** Its one recipe, whose name no other project has. */
  name: string
}

/**
 * A project with one recipe: that of hello, with a shared folder and these tasks, locked as hello is, without the image.
 */
export async function makeTaskProject(tasks: Record<string, Partial<Task>>): Promise<TaskProject> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-tasks-'))
  const name = `tasks-${directory.slice(-6).toLowerCase()}`
  const hello = parseLock(await readFile(new URL('lock.json', HELLO), 'utf8'), 'recipes/hello/lock.json')
  const locked = hello.platforms['linux/amd64']
  if (!locked) throw new Error('hello is not locked for linux/amd64')
  const { base, steps, user, workdir } = hello.inputs.fields as Record<string, unknown> & { base: object }
  const written = {
    base,
    steps: steps ?? [hello.inputs.fields['steps[0]'], hello.inputs.fields['steps[1]']],
    user,
    workdir,
    shared: '/home/hello/shared',
    volumes: ['/home/hello/data'],
    env: { MOOD: 'still' },
    tasks,
  }
  const recipe = parseRecipe(written, 'recipe.ts')
  const root = join(directory, 'recipes', name)
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'recipe.ts'), `export default ${JSON.stringify(written, null, 2)}\n`)
  await writeFile(
    join(root, 'lock.json'),
    serializeLock({
      ...hello,
      recipe: name,
      inputs: lockInputs(recipe, {}, await programsChecksum(recipe)),
      platforms: { 'linux/amd64': { ...locked, image: null } },
    }),
  )
  return { directory, name, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}
