import { readFile } from 'node:fs/promises'
import Ajv from 'ajv'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryLock } from '../lock/arbitrary-lock.test-data.ts'
import { diffDockerfiles } from '../lock/diff/diff-dockerfiles.ts'
import { diffLocks, levelOfChanges } from '../lock/diff/diff-locks.ts'
import { maxLevel } from '../lock/diff/levels.ts'
import { LOCK_DIFF_VERSION, type LockDiff, type PackageChange, type RecipeDiff } from '../lock/diff/schema.ts'
import { parseLock } from '../lock/parse-lock.ts'
import { lockDiffMarkdown } from './lock-diff-markdown.ts'
import { lockDiffTerminal } from './lock-diff-terminal.ts'

const GITHUB_LIMIT = 65_536

function inDiff(recipes: RecipeDiff[], unchanged = 0): LockDiff {
  const level = recipes.length === 0 ? null : maxLevel(recipes.map((recipe) => recipe.level))
  return { diffVersion: LOCK_DIFF_VERSION, base: 'main', head: 'working tree', level, recipes, unchanged }
}

/** fenics-tf before and after python3-pip was upgraded: two real packages put into its lock by hand, and an image. */
async function upgrade(): Promise<LockDiff> {
  const [before, after] = await Promise.all(
    ['before', 'after'].map(async (name) => {
      const path = new URL(`../lock/diff/golden/${name}/lock.json`, import.meta.url)
      return parseLock(await readFile(path, 'utf8'), name)
    }),
  )
  const changes = diffLocks(before ?? null, after ?? null)
  const dockerfile = diffDockerfiles(
    'FROM apt-1 AS pip-2\nARG SOURCE_DATE_EPOCH=1\nRUN one\n',
    'FROM apt-1 AS pip-2\nARG SOURCE_DATE_EPOCH=2\nRUN one\n',
  )
  return inDiff(
    [
      {
        recipe: 'fenics-tf',
        status: 'changed',
        level: levelOfChanges(changes) ?? 'any',
        ...changes,
        dockerfile,
      },
    ],
    1,
  )
}

test('a relock for one package is told as golden/lock-diff.* say: the package and its company', async () => {
  const diff = await upgrade()
  expect(diff.recipes[0]?.packages.map(({ name, class: kind, asked }) => [name, kind, asked])).toEqual([
    ['python3-pip', 'patch', true],
    ['python-pip-whl', 'patch', false],
  ])
  await expect(lockDiffTerminal(diff)).toMatchFileSnapshot('golden/lock-diff.txt')
  await expect(lockDiffMarkdown(diff)).toMatchFileSnapshot('golden/lock-diff.md')
  await expect(`${JSON.stringify(diff, null, 2)}\n`).toMatchFileSnapshot('golden/lock-diff.json')
})

test('`lock recipe fenics-tf --upgrade pip:requests`, as it was run: that and its company, as golden/relock.* say', async () => {
  const read = (name: string) =>
    readFile(new URL(`../lock/diff/golden/relocked/${name}`, import.meta.url), 'utf8')
  const lock = async (name: string) => parseLock(await read(name), name)
  const changes = diffLocks(await lock('before.lock.json'), await lock('after.lock.json'))
  const level = levelOfChanges(changes) ?? 'any'
  const diff = inDiff([{ recipe: 'fenics-tf', status: 'changed', level, ...changes, dockerfile: null }], 1)
  expect(changes.packages.map(({ name, class: kind, asked }) => [name, kind, asked])).toEqual([
    ['requests', 'minor', true],
    ['chardet', 'removed', false],
    ['charset-normalizer', 'added', false],
  ])
  await expect(lockDiffTerminal(diff)).toMatchFileSnapshot('golden/relock.txt')
  await expect(lockDiffMarkdown(diff)).toMatchFileSnapshot('golden/relock.md')
  await expect(`${JSON.stringify(diff, null, 2)}\n`).toMatchFileSnapshot('golden/relock.json')
})

test('docs/schemas/lock-diff.schema.json holds the golden and arbitrary diffs', async () => {
  const text = await readFile(new URL('../../docs/schemas/lock-diff.schema.json', import.meta.url), 'utf8')
  const valid = new Ajv.default({ strict: false }).compile(JSON.parse(text))
  const issues = (diff: LockDiff) => (valid(JSON.parse(JSON.stringify(diff))) ? [] : valid.errors)
  expect(issues(await upgrade())).toEqual([])
  for (const [a, b] of fc.sample(fc.tuple(arbitraryLock, arbitraryLock), 40)) {
    expect(issues(inDiff([recipeDiff(diffLocks(a, b))]))).toEqual([])
  }
  expect(issues({ ...(await upgrade()), level: 'huge' } as unknown as LockDiff)).not.toEqual([])
})

test('a diff of nothing is one line', () => {
  expect(lockDiffTerminal(inDiff([], 3))).toBe('main -> working tree: no change in 3 lockfiles\n')
  expect(lockDiffMarkdown(inDiff([], 1))).toBe(
    '**Lockfiles**: no change in 1 lockfile (`main` to `working tree`)\n',
  )
})

test('text of others can neither leave its code span in Markdown nor move a cursor', () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      '`',
      '|',
      '\\',
      '<',
      '>',
      '@',
      '#',
      '\n',
      '\r',
      '\u001b[2K',
      '\u202e',
      '[x](y)',
      ' ',
      'Z',
      '</details>',
    ),
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(nasty, nasty, nasty, (name, version, subject) => {
      const change = packageChange({
        name,
        from: { version },
        to: { version: `${version}1` },
        log: { added: [{ commit: '1'.repeat(40), subject }], removed: [], omitted: 0 },
      })
      const diff = inDiff([recipeDiff({ packages: [change] })])
      expect(lockDiffTerminal(diff)).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u)
      const markdown = lockDiffMarkdown(diff)
      expect(markdown).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u)
      const outside = withoutCode(markdown)
      expect(outside).not.toMatch(/@|\]\(|Z/)
      expect(outside.match(/<\/details>/g)).toHaveLength(1)
      const row = markdown.split('\n').find((line) => line.startsWith('| git |')) ?? ''
      expect(row.split(/(?<!\\)\|/)).toHaveLength(7)
    }),
  )
})

test.each([
  ['one recipe with many packages', 1, 3000],
  ['many recipes with some packages', 1000, 20],
  ['very many recipes', 5000, 1],
])('Markdown of %s stays under the limit and says what it left out', (_, count, size) => {
  const packages = Array.from({ length: size }, (_, i) =>
    packageChange({ name: `package-${i}`, from: { version: '1' }, to: { version: '2' }, asked: i % 7 === 0 }),
  )
  const recipes = Array.from({ length: count }, (_, i) => ({
    ...recipeDiff({ packages }),
    recipe: `recipe-${i}`,
    level: i === count - 1 ? ('rebuild' as const) : ('minor' as const),
  }))
  const markdown = lockDiffMarkdown(inDiff(recipes))
  expect(markdown.length).toBeLessThan(GITHUB_LIMIT)
  expect(markdown.length).toBeGreaterThan(GITHUB_LIMIT / 4)
  expect(markdown).toContain('left out for length')
  const named = new Set([...markdown.matchAll(/`(recipe-\d+)`/g)].map(([, name]) => name))
  const more = Number(/^And (\d+) more recipes/m.exec(markdown)?.[1] ?? 0)
  expect(named.size + more).toBe(count)
  // the loudest comes first
  expect(/`(recipe-\d+)`/.exec(markdown)?.[1]).toBe(`recipe-${count - 1}`)
})

test('Markdown of what fits leaves nothing out', async () => {
  expect(lockDiffMarkdown(await upgrade())).not.toContain('left out')
})

type Sided = { name: string; asked?: boolean; log?: PackageChange['log'] } & Record<
  'from' | 'to',
  { version: string }
>

function packageChange({ name, asked = true, log = null, from, to }: Sided): PackageChange {
  const state = { digest: null, size: null, source: null, place: 'steps[0]', asked, facts: {} }
  return {
    ...{ platform: 'linux/amd64', ecosystem: 'git', name, class: 'other', level: 'minor', asked, log },
    from: { ...state, ...from },
    to: { ...state, ...to },
  }
}

function recipeDiff(changes: Partial<RecipeDiff>): RecipeDiff {
  return {
    ...{ recipe: 'b', status: 'changed', level: 'minor', inputs: [], packages: [], details: [], images: [] },
    dockerfile: null,
    ...changes,
  }
}

/** What is left of Markdown when fenced blocks, <code> and code spans are taken out. */
function withoutCode(markdown: string): string {
  return markdown
    .replace(/^(`{3,})\n[\s\S]*?^\1$/gm, '')
    .replace(/<code>[^<\n]*<\/code>/g, '')
    .replace(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/g, '')
}
