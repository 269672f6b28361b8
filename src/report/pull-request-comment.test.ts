import { expect, test } from 'vitest'
import type { LockDiff, RecipeDiff } from '../lock/diff/schema.ts'
import { COMMENT_MARKER, pullRequestComment, type StaleRecipe } from './pull-request-comment.ts'

const GITHUB_LIMIT = 65_536

const staleRecipes = (count: number, reasons: string[]): StaleRecipe[] =>
  Array.from({ length: count }, (_, i) => ({
    recipe: `recipe-${i}`,
    reasons,
    mend: `stillroom lock recipe recipe-${i}`,
  }))

function diffOf(count: number): LockDiff {
  const state = { digest: null, size: null, source: 'debian', place: 'steps[0]', asked: true, facts: {} }
  const packages = Array.from({ length: 500 }, (_, j) => ({
    ...{ platform: 'linux/amd64', ecosystem: 'deb', name: `package-${j}`, log: null },
    ...{ class: 'patch' as const, level: 'patch' as const, asked: j % 50 === 0 },
    from: { ...state, version: '1.0-1' },
    to: { ...state, version: '1.0-2' },
  }))
  const recipes = Array.from({ length: count }, (_, i): RecipeDiff => {
    return {
      ...{ recipe: `recipe-${i}`, status: 'changed', level: 'patch', packages, inputs: [], details: [] },
      ...{ images: [], dockerfile: { added: 2, removed: 2, patch: '-a\n+b\n'.repeat(100) } },
    }
  })
  const [first] = recipes
  return {
    ...{ diffVersion: 1, base: 'main', head: 'working tree', unchanged: 0 },
    level: first?.level ?? null,
    recipes,
  }
}

test.each([
  ['1,000 recipes with 500 changed packages each', 1000, 0],
  ['1,000 stale recipes', 0, 1000],
  ['both', 1000, 1000],
])('the comment on %s stays under the limit and counts what it has no room for', (_, changed, stale) => {
  const reasons = Array.from({ length: 30 }, (_, i) => `steps[${i}]: ${'locked and now '.repeat(60)}`)
  const comment = pullRequestComment(diffOf(changed), staleRecipes(stale, reasons))
  expect(comment.length).toBeLessThan(GITHUB_LIMIT)
  expect(comment.startsWith(COMMENT_MARKER)).toBe(true)
  const named = (line: RegExp) => [...comment.matchAll(line)].length
  const more = (line: RegExp) => Number(line.exec(comment)?.[1] ?? 0)
  expect(named(/^- `recipe-\d+`: run `/gm) + more(/^- and (\d+) more recipes/m)).toBe(stale)
  expect(named(/^(?:### |- \*\*)`recipe-\d+`/gm) + more(/^And (\d+) more recipes/m)).toBe(changed)
  if (stale > 0) expect(comment).toContain('... (shortened)`\n')
  if (stale > 0) expect(comment).toContain('  - and 22 more\n')
})

test('the comment on what fits has all of it', () => {
  const comment = pullRequestComment(diffOf(0), staleRecipes(3, ['base: locked nothing, now "`x`"']))
  expect(comment).toBe(
    [
      `${COMMENT_MARKER}\n### stillroom\n\n**Not up to date**\n`,
      ...[0, 1, 2].flatMap((i) => [
        `- \`recipe-${i}\`: run \`stillroom lock recipe recipe-${i}\``,
        '  - `` base: locked nothing, now "`x`" ``',
      ]),
      '\nNo lockfile changes.\n',
    ].join('\n'),
  )
})
