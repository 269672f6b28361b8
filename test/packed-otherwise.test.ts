import { execa } from 'execa'
import { expect, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const engines = NIGHTLY ? await canHaveEngines() : 'it is left to the nightly tests'
if (engines !== true) console.warn(`skipped: layers on a base that the engine has twice, since ${engines}`)

// one who walks through directories meets a/f before a-b; by the bytes of whole paths it comes after it
const recipe = (word: string) => `import { debian, defineRecipe, run } from 'stillroom'
export default defineRecipe({
  base: debian('bookworm'),
  steps: [run('mkdir -p /opt/a /opt/a-b && echo ${word} > /opt/a/f && echo ${word} > /opt/a-b/f')],
})
`

/*
 * Docker's graph drivers make a layer by comparing trees, with its members in another order, where the layer below is in the
 * builder's cache from another build than in the images, and the daemon was started anew in between.
 */
test.skipIf(engines !== true)(
  'an image is the same on a base that the engine has from one build and its builder from another',
  async () => {
    const directory = await makeProject({
      'recipes/first/recipe.ts': recipe('first'),
      'recipes/second/recipe.ts': recipe('second'),
    })
    const engine = await startEngine(ownName('test-packed'), 'overlay2')
    try {
      const { env } = engine
      const build = (name: string, ...options: string[]) =>
        stillroomJson<BuildReport>(directory, ['build', 'recipe', name, '--no-audit', ...options], { env })
      for (const name of ['first', 'second'])
        expect((await stillroom(directory, ['lock', 'recipe', name], { env })).exitCode).toBe(0)
      expect(await build('first')).toMatchObject({ verdict: 'recorded' })
      await execa('docker', ['builder', 'prune', '--all', '--force'], { env })
      expect(await build('first', '--no-cache')).toMatchObject({ verdict: 'identical', unchanged: false })
      await engine.restart()
      expect(await build('second')).toMatchObject({ verdict: 'recorded' })
      expect(await build('second', '--no-cache')).toMatchObject({ verdict: 'identical', unchanged: false })
    } finally {
      await engine.purge()
    }
  },
)
