import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockInputs } from '../../src/lock/lock-inputs.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import { serializeLock } from '../../src/lock/serialize-lock.ts'
import type { RecipeInput } from '../../src/recipe/schema.ts'
import { programsChecksum } from '../../src/workflows/project/generated.ts'
import { parseRecipe } from '../../src/workflows/project/load-recipe.ts'

const HELLO = new URL('../../recipes/hello/', import.meta.url)

export interface OwnProject extends AsyncDisposable {
  directory: string
  /** Its one recipe, whose name no other project has unless it was given. */
  name: string
}

/** A project with one recipe: that of hello, with a shared folder and these tasks, locked as hello is, without the image. */
export function makeTaskProject(tasks: NonNullable<RecipeInput['tasks']>): Promise<OwnProject> {
  return makeHelloLike({
    shared: '/home/hello/shared',
    volumes: ['/home/hello/data'],
    env: { MOOD: 'still' },
    tasks,
  })
}

/**
 * A project with one recipe: that of hello but for `fields`, locked as hello is, without the image. Of steps only those
 * of hello and those of kind `run` can be had.
 */
export async function makeHelloLike(
  fields: Partial<RecipeInput>,
  name = `like-hello-${randomBytes(4).toString('hex')}`,
): Promise<OwnProject> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-like-hello-'))
  const hello = parseLock(await readFile(new URL('lock.json', HELLO), 'utf8'), 'recipes/hello/lock.json')
  const locked = hello.platforms['linux/amd64']
  if (!locked) throw new Error('hello is not locked for linux/amd64')
  const inputs = hello.inputs.fields as Record<string, unknown> &
    Pick<RecipeInput, 'base' | 'user' | 'workdir'>
  const own = [inputs['steps[0]'], inputs['steps[1]']]
  const written = {
    ...{ base: inputs.base, user: inputs.user, workdir: inputs.workdir, steps: own },
    ...fields,
  }
  const recipe = parseRecipe(written, 'recipe.ts')
  const steps = recipe.steps.map(
    ({ kind }) => locked.steps.find((step) => step.kind === kind) ?? { kind: 'run' as const },
  )
  const root = join(directory, 'recipes', name)
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'recipe.ts'), `export default ${JSON.stringify(written, null, 2)}\n`)
  await writeFile(
    join(root, 'lock.json'),
    serializeLock({
      ...hello,
      recipe: name,
      inputs: lockInputs(recipe, {}, await programsChecksum(recipe)),
      platforms: { 'linux/amd64': { ...locked, steps, image: null } },
    }),
  )
  return { directory, name, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}
