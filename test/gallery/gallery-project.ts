import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockInputs } from '../../src/lock/lock-inputs.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import type { LockedImage, LockedPlatform, Lockfile } from '../../src/lock/schema.ts'
import { serializeLock } from '../../src/lock/serialize-lock.ts'
import { programsChecksum, renderGenerated, writeGenerated } from '../../src/workflows/project/generated.ts'
import { loadRecipe } from '../../src/workflows/project/load-recipe.ts'
import { put } from '../support/project.ts'
import type { GalleryCase } from './cases.ts'

const ROOT = join(import.meta.dirname, '../..')
/** The last step: the one that gives another image each time. */
export const stepOf = ({ needs }: GalleryCase) => (needs === undefined ? 'run-1' : 'run-2')

/**
 * Writes the recipe of a case into a project, with its lockfile and build context. Packages are those of another lock,
 * so that nothing is resolved and the builder has all but the last step already.
 */
export async function writeCase(
  project: string,
  gallery: GalleryCase,
  command: string,
  image: LockedImage | null,
): Promise<void> {
  const { name, needs } = gallery
  await put(project, `recipes/${name}/recipe.ts`, recipeText(command, needs))
  const locked = await packagesOf(needs)
  const platform: LockedPlatform = { ...locked, steps: [...locked.steps, { kind: 'run' }], image }
  const { recipe } = await loadRecipe(project, name)
  const lock: Lockfile = {
    lockfileVersion: 1,
    recipe: name,
    inputs: lockInputs(recipe, {}, await programsChecksum(recipe)),
    platforms: { 'linux/amd64': platform },
  }
  await writeFile(join(project, `recipes/${name}/lock.json`), serializeLock(lock))
  await writeGenerated(project, name, await renderGenerated(name, recipe, platform))
}

/** The image that the lockfile of a case names. */
export async function lockedImage(project: string, name: string): Promise<LockedImage | null> {
  const text = await readFile(join(project, `recipes/${name}/lock.json`), 'utf8')
  return parseLock(text, name).platforms['linux/amd64']?.image ?? null
}

function recipeText(command: string, needs: GalleryCase['needs']): string {
  const packages = { python: ['python3', 'python3-pip'], compiler: ['tcc', 'libc6-dev'] }
  const steps = [
    ...(needs === undefined ? [] : [`apt(${JSON.stringify(packages[needs])})`]),
    `run(${JSON.stringify(command)})`,
  ]
  return `import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [${steps.join(', ')}],${needs === 'python' ? "\n  user: { name: 'hello', uid: 1000, home: '/home/hello' },\n  workdir: '/home/hello'," : ''}
})
`
}

async function packagesOf(needs: GalleryCase['needs']): Promise<LockedPlatform> {
  const file = needs === 'compiler' ? 'test/gallery/compiler.lock.json' : 'recipes/hello/lock.json'
  const lock = parseLock(await readFile(join(ROOT, file), 'utf8'), file)
  const platform = lock.platforms['linux/amd64'] as LockedPlatform
  const base = { ...platform.base }
  // steps see the machine's clock, as on a base that has none of its own
  if (base.kind === 'debian') delete base.clock
  return { ...platform, base, steps: platform.steps.slice(0, needs === undefined ? 0 : 1) }
}
