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

  it('names a package of an archive that the recipe gives by its address, and of earlier states, by addresses', () => {
    const { base } = allStepsLocked
    if (base.kind !== 'debian') throw new Error('expected a base of Debian')
    const [index] = base.indexes
    if (index === undefined) throw new Error('expected an index')
    const other = {
      ...index,
      ...{ archive: 'apt.example.org/team', suite: 'repo/', component: '', date: '2026-02-01T00:00:00Z' },
      ...{ url: 'https://apt.example.org/team/', snapshot: 'https://old.example.org/team' },
    }
    const path = 'pool/tool_1%3a2+b1_amd64.deb'
    const tool = {
      name: 'tool',
      version: '1:2+b1',
      architecture: 'amd64' as const,
      size: 1,
      sha256: 'a'.repeat(64),
    }
    const locked = {
      ...allStepsLocked,
      base: { ...base, indexes: [...base.indexes, other] },
      steps: [
        {
          kind: 'apt' as const,
          packages: [{ ...tool, archive: other.archive, path }],
          order: ['unpack tool', 'configure tool'],
        },
      ],
    }
    const recipe = { ...allSteps, steps: [{ kind: 'apt' as const, packages: ['tool'], recommends: false }] }
    const table = renderContext('x', recipe, locked, companions).get('artifacts.tsv') ?? ''
    const at = (root: string) => `${root}/pool/tool_1%253a2%2Bb1_amd64.deb`
    expect(
      table
        .split('\n')
        .find((line) => line.includes('tool_1'))
        ?.split('\t'),
    ).toEqual([
      tool.sha256,
      '1',
      'url',
      at('https://apt.example.org/team'),
      ['20260201T060000Z', '20260201T120000Z']
        .map((time) => at(`https://old.example.org/team/${time}`))
        .join(' '),
      'artifacts/apt-1/tool_1%3a2+b1_amd64.deb',
    ])
  })

  it('puts the scripts of a run step into a file as they are', () => {
    const script = 'a\r\n"$b" \\\n<<EOF\n\t'
    const recipe = { ...allSteps, steps: [{ kind: 'run' as const, command: script }] }
    const rendered = renderContext('x', recipe, { ...allStepsLocked, steps: [{ kind: 'run' }] }, companions)
    expect(rendered.get('steps/run-1/script.sh')).toBe(script)
  })
})
