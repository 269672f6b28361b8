import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { Parser } from 'htmlparser2'
import { beforeAll, expect, test } from 'vitest'
import { anyText } from '../../../test/support/any-text.ts'
import type { AuditResult } from '../../audit/audit-report.ts'
import { ownFiles } from '../../audit/own-files.ts'
import { audit, smallImage } from '../../audit/small-image.test-data.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { HistoryRun } from '../../verify/history.ts'
import type { RecipePage } from './recipe-page.ts'
import { renderRecipePage } from './render-recipe-page.ts'

const LOCK = 'a'.repeat(64)

let small: RecipePage

beforeAll(async () => {
  const image = await smallImage()
  const { locked } = image.lock
  small = {
    name: 'small',
    recipe: image.lock.recipe,
    locked: { ...locked, image: locked.image as LockedImage },
    lock: LOCK,
    files: ownFiles(image.image, image.lock),
    audit: await audit(image),
    history: { runs: [], problems: [] },
    downloads: [{ file: 'lock.json', title: 'the lockfile', text: '{"a": "</script>"}\n' }],
  }
})

/** A page in which everything that others may have written is this text. */
function pageWith(text: string): RecipePage {
  const report = small.audit as AuditResult
  const finding = { severity: 'error', rule: 'file-modified', subject: text, message: text, evidence: [text] }
  const recipe: Recipe = {
    ...small.recipe,
    description: text,
    labels: { [text]: text },
    env: { [text]: text },
    tasks: { task: { description: text, command: [text], ports: [], waitFor: [] } },
    steps: [{ kind: 'run', command: text }],
  }
  const cause = { cause: 'x', title: text, advice: text, count: 1, examples: [text] }
  return {
    ...small,
    recipe,
    files: [
      { path: `usr/${text}`, size: 1, owner: `deb/${text}`, step: 'base' },
      { path: text, size: 2, step: text },
      { path: text, size: 3, step: 'base', made: text },
    ],
    audit: {
      ...report,
      findings: [finding as AuditResult['findings'][number]],
      ignored: [{ ...finding, reason: text } as AuditResult['ignored'][number]],
      packages: [
        {
          kind: 'git',
          name: text,
          version: text,
          step: text,
          license: text,
          origin: { url: text, commit: text },
          files: 1,
        },
      ],
    },
    history: {
      runs: [
        {
          at: '2026-11-20T02:00:00Z',
          verdict: 'different',
          lock: LOCK,
          seconds: 1,
          causes: [cause],
          variations: [text],
          problem: { code: 'X', message: text },
        } as HistoryRun,
      ],
      problems: [],
    },
    downloads: [{ file: 'lock.json', title: 'the lockfile', text }],
  }
}

interface Element {
  name: string
  attributes: Record<string, string>
  text: string
}

function elementsOf(page: string): Element[] {
  const elements: Element[] = []
  const open: Element[] = []
  const parser = new Parser({
    onopentag: (name, attributes) => {
      const element = { name, attributes, text: '' }
      elements.push(element)
      open.push(element)
    },
    ontext: (text) => {
      const last = open.at(-1)
      if (last) last.text += text
    },
    onclosetag: () => {
      open.pop()
    },
  })
  parser.end(page)
  return elements
}

const shape = (elements: readonly Element[]) =>
  elements.map(({ name, attributes }) => [name, ...Object.keys(attributes)].join(' '))

const HOSTILE = [
  '</script><script>alert(1)</script>',
  '<!--<script>',
  '"><img src=x onerror=alert(1)>',
  "' onclick='alert(1)",
  '</title></style></textarea><svg/onload=alert(1)>',
  'javascript:alert(1)',
  '&lt;script&gt;${alert(1)}`',
  '\u2028\u2029\0\ufeff',
]
const anyHostile = fc.oneof(
  fc.constantFrom(...HOSTILE),
  anyText({ maxLength: 20 }),
  fc.tuple(anyText({ maxLength: 5 }), fc.constantFrom(...HOSTILE)).map((parts) => parts.join('')),
)

test('no text of an image, a lock or a history becomes an element, an attribute or a script', () => {
  const expected = shape(elementsOf(renderRecipePage(pageWith('x'))))
  fc.assert(
    fc.property(
      anyHostile.filter((text) => text !== ''),
      (text) => {
        const page = renderRecipePage(pageWith(text))
        const elements = elementsOf(page)
        expect(shape(elements)).toEqual(expected)
        const scripts = elements.filter(({ name }) => name === 'script')
        expect(scripts.map(({ attributes }) => attributes.type ?? 'run')).toEqual([
          'application/json',
          'application/json',
          'run',
        ])
        // what the page offers is what was given to it
        expect(JSON.parse(scripts[1]?.text ?? '')).toBe(text.toWellFormed())
        for (const { attributes } of elements) expect(attributes.href ?? '#').toMatch(/^(#[a-z]*|data:,)$/)
      },
    ),
    { numRuns: 40 },
  )
})

test('loads nothing, and its policy allows its own style and script alone', () => {
  const page = renderRecipePage(small)
  const elements = elementsOf(page)
  const policy = elements.find(({ attributes }) => attributes['http-equiv'])?.attributes.content ?? ''
  const digest = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const text = (name: string) => elements.findLast((element) => element.name === name)?.text ?? ''
  expect(policy.split('; ').sort()).toEqual([
    "base-uri 'none'",
    "default-src 'none'",
    "form-action 'none'",
    'img-src data:',
    `script-src ${digest(text('script'))}`,
    `style-src ${digest(text('style'))}`,
  ])
  for (const { attributes } of elements) {
    expect(Object.keys(attributes).filter((name) => /^on|^src|^style$/.test(name))).toEqual([])
  }
})

test('the same gives the same bytes, whatever this machine audited before', () => {
  const report = small.audit as AuditResult
  const trust = { ...report.trust, owners: 'earlier-audit' as const, layers: { read: 0, known: 7 } }
  expect(renderRecipePage({ ...small, audit: { ...report, trust } })).toBe(renderRecipePage(small))
  expect(renderRecipePage({ ...small, files: [...small.files].reverse() })).toBe(renderRecipePage(small))
})

test('an image of 60,000 files stays below 3 MB, and says what it sums up', () => {
  const files = Array.from({ length: 60_000 }, (_, n) => ({
    path: `usr/lib/python3/dist-packages/package-${n % 500}/module-${n % 7}/a-file-with-a-name-${n}.py`,
    size: (n * 7919) % 100_003,
    owner: `pypi/package-${n % 500}`,
    step: 'pip-2',
  }))
  const page = renderRecipePage({ ...small, files })
  expect(page.length).toBeLessThan(3_000_000)
  expect(page).toMatch(/Parts of less than [\d.]+ kB are summed up/)
  expect(renderRecipePage(small)).not.toContain('summed up')
})

test('without the image there is no audit and no bill of materials, and the page says so', () => {
  const page = renderRecipePage({ ...small, audit: undefined })
  expect(page).toContain('Not audited: the image was not at hand')
  expect(page).toContain('No bill of materials')
  // packages as the lock has them
  expect(page).toContain('six-1.16.0-py2.py3-none-any.whl')
})
