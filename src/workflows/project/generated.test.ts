import { expect, test } from 'vitest'
import { allSteps, allStepsLocked } from '../../dockerfile/all-steps.test-data.ts'
import { renderGenerated } from './generated.ts'

/** Each RUN of a build context by its stage: its text, and the files of the context that it mounts. */
async function runsOf(count: number): Promise<Map<string, unknown>> {
  const recipe = { ...allSteps, steps: allSteps.steps.slice(0, count) }
  const locked = { ...allStepsLocked, steps: allStepsLocked.steps.slice(0, count) }
  const files = await renderGenerated('all-steps', recipe, locked)
  const runs = (files.get('Dockerfile') ?? '').matchAll(/ AS (\S+)\n(?:ARG .*\n)?(RUN (?:.*\\\n)*.*)/g)
  return new Map(
    [...runs].map(([, stage = '', text = '']) => {
      const sources = [...text.matchAll(/type=bind,source=([^,]+)/g)].map(([, source = '']) => source)
      const isMounted = (path: string) =>
        sources.some((source) => path === source || path.startsWith(`${source}/`))
      return [stage, { text, mounted: [...files].filter(([path]) => isMounted(path)) }]
    }),
  )
}

test('a step is run by what it takes, whatever steps come behind it: a builder runs none again for their sake', async () => {
  const all = await runsOf(allSteps.steps.length)
  expect(all.size).toBeGreaterThan(allSteps.steps.length)
  for (let count = 0; count < allSteps.steps.length; count++)
    for (const [stage, run] of await runsOf(count)) expect(all.get(stage), stage).toEqual(run)
})
