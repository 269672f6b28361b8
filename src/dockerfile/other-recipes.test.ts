import { readdirSync } from 'node:fs'
import { DockerfileParser } from 'dockerfile-ast'
import { describe, expect, it } from 'vitest'
import type { LockedPlatform } from '../lock/schema.ts'
import { standingLock, standingRecipe, takingLock, takingRecipe } from '../lock/with-recipe.test-data.ts'
import { contextArtifacts, lockedDigests } from './context-artifacts.ts'
import { renderContext } from './render-context.ts'

const locked = takingLock.platforms['linux/amd64'] as LockedPlatform
const programs = [...readdirSync(new URL('build-scripts', import.meta.url)), 'left-out.txt']
const own = { ...Object.fromEntries(programs.map((name) => [name, '#\n'])), 'layer.sh': '# own\n' }
const files = renderContext('taking', takingRecipe, locked, own, {
  small: { ...own, 'layer.sh': '# small\n' },
})
const dockerfile = files.get('Dockerfile') ?? ''

describe('the context of a recipe that takes files from another', () => {
  it('has the stages of the other before its own, and takes what they name from what is there', async () => {
    await expect(dockerfile).toMatchFileSnapshot('golden/taking.Dockerfile')
    const stages = new Set(['scratch'])
    for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
      const text = instruction.toString()
      for (const [, from = ''] of text.matchAll(/(?:--from=|,from=|^FROM )([^\s,]+)/gi))
        expect(stages).toContain(from)
      const [, name] = /^FROM \S+ AS (\S+)$/i.exec(text) ?? []
      if (name === undefined) continue
      expect(stages).not.toContain(name)
      // BuildKit's grammar of a stage's name
      expect(name).toMatch(/^[a-z][a-z0-9-_.]*$/)
      stages.add(name)
    }
  })

  it('has everything that a RUN mounts', () => {
    const { files: placed, seed, projects, directories } = contextArtifacts(locked)
    const paths = [
      ...files.keys(),
      ...[...placed, ...seed, ...projects].map(({ destination }) => destination),
    ]
    for (const [, source] of dockerfile.matchAll(/type=bind,source=([^,]+)/g))
      expect([...paths, ...directories.map((directory) => `${directory}/`)]).toContainEqual(
        expect.stringMatching(new RegExp(`^${source}(/|$)`)),
      )
    expect(files.get('build/layer.sh')).toBe('# own\n')
    expect(files.get('recipes/small/build/layer.sh')).toBe('# small\n')
    expect(files.get('.dockerignore')).toContain('!recipes\n')
    const table = files.get('artifacts.tsv')?.split('\n').slice(1, -1) ?? []
    expect(table.map((row) => row.split('\t').at(-1)).sort()).toEqual(
      [...[...placed, ...seed, ...projects].map(({ destination }) => destination), ...directories].sort(),
    )
  })

  it('keeps what the other one needs in the store, with its tree', () => {
    const small = locked.recipes?.small
    expect(lockedDigests(locked)).toContain(small?.image.tree.replace('sha256:', ''))
    for (const step of small?.steps ?? [])
      if (step.kind === 'file') expect(lockedDigests(locked)).toContain(step.sha256)
  })
})

describe('the context of a recipe that stands on another', () => {
  it('goes on from the image of the other, with its environment and the clock of the one at the bottom', () => {
    const standing = standingLock().platforms['linux/amd64'] as LockedPlatform
    const text =
      renderContext('standing', standingRecipe, standing, own, { small: own }).get('Dockerfile') ?? ''
    const [, after = ''] = text.split('# --- recipe standing ---')
    expect(after).toContain('FROM recipe.small.image AS base\nENV PATH="/usr/local/bin:/usr/bin:/bin"\n')
    expect(after).toContain('from=recipe.small.clock,source=/clock')
    expect(after).toContain('ENTRYPOINT ["/sbin/my_init", "--quiet"]')
    expect(after).not.toMatch(/ AS (seed|root|clock)$/m)
  })
})
