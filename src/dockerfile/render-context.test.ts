import { describe, expect, it } from 'vitest'
import { allSteps, allStepsLocked } from './all-steps.test-data.ts'
import { renderContext } from './render-context.ts'

const companions = { 'fetch.sh': '#!/bin/sh\n', 'layer.sh': '# layer\n' }

describe('renderContext()', () => {
  const files = renderContext('all-steps', allSteps, allStepsLocked, companions)

  it('renders every file but the Dockerfile', async () => {
    const shown = [...files].filter(([path]) => path !== 'Dockerfile')
    const text = shown.map(([path, content]) => `=== ${path}\n${content}`).join('')
    await expect(text).toMatchFileSnapshot('golden/context.txt')
  })

  it('sorts paths, and none leaves the context', () => {
    const paths = [...files.keys()]
    expect(paths).toEqual([...paths].sort())
    for (const path of paths)
      expect(path).toMatch(/^(\.dockerignore|[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*)$/)
  })

  it('puts what cleans up after a step into a file as it is', () => {
    expect(files.get('steps/apt-1/after.sh')).toBe('rm -rf /usr/share/doc\n')
    expect([...files.keys()].filter((path) => path.endsWith('/after.sh'))).toHaveLength(1)
  })

  it('puts the scripts of a run step into a file as they are', () => {
    const script = 'a\r\n"$b" \\\n<<EOF\n\t'
    const recipe = { ...allSteps, steps: [{ kind: 'run' as const, command: script }] }
    const rendered = renderContext('x', recipe, { ...allStepsLocked, steps: [{ kind: 'run' }] }, companions)
    expect(rendered.get('steps/run-1/script.sh')).toBe(script)
  })
})
